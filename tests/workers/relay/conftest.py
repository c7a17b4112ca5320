"""The fixtures of the tests in this folder."""

from tests.directory_fixture import office
from tests.workers.relay.relay_fixture import depot

__all__ = ["depot", "office"]
