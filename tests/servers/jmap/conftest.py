"""The application for these tests."""

from tests.servers.web_fixture import furnished, make_web, office, web

__all__ = ["furnished", "make_web", "office", "web"]
