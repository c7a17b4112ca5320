"""The directory and the application for these tests."""

from tests.directory_fixture import office
from tests.servers.web_fixture import make_web, web

__all__ = ["make_web", "office", "web"]
