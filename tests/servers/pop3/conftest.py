"""A store with accounts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pillarbox.storage.embedded import EmbeddedStore
from tests.servers.pop3.pop3_server import open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    opened = open_store(tmp_path / "data")
    yield opened
    opened.close()
