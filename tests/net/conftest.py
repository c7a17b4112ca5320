"""The fixtures of the tests in this folder."""

from tests.net.tls_fixture import files, run

__all__ = ["files", "run"]
