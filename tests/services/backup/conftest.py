"""The house for these tests."""

from tests.support.mail_house import house

__all__ = ["house"]
