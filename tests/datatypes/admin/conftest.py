"""The directory for these tests."""

from tests.directory_fixture import office

__all__ = ["office"]
