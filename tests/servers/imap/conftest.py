"""The fixtures of the tests in this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.store import Store
from tests.net.tls_fixture import files, run
from tests.servers.imap.imap_server import fill

__all__ = ["files", "run"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with the accounts of `fill`."""
    store = EmbeddedStore(tmp_path / "data")
    fill(store)
    yield store
    store.close()
