"""Stores of every engine for tests: a folder, or a schema on a server that starts when the first test asks for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.postgresql.store import PostgresStore
from pillarbox.storage.store import Store
from tests.support.postgres_server import NoServer, Server

ENGINES = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server for all tests of this process. Tests that need one are skipped where there is none."""
    try:
        server = Server()
    except NoServer as problem:
        pytest.skip(str(problem))
    yield server
    server.stop()


@pytest.fixture
def postgres_url(postgres: Server) -> Iterator[str]:
    """An empty place on the server."""
    url = postgres.new()
    yield url
    postgres.give_back(url)


class Opener:
    """Opens the same store of one engine again and again."""

    def __init__(self, folder: Path, url: str, **settings: Any) -> None:
        self.folder, self.url, self._settings = folder, url, settings
        self._opened: list[Store] = []

    def __call__(self) -> Store:
        store = open_engine(self.folder, self.url, **self._settings)
        self._opened.append(store)
        return store

    def close(self) -> None:
        for store in self._opened:
            store.close()


def open_engine(folder: Path, url: str, **more: Any) -> Store:
    """A store on PostgreSQL, or in the folder when there is no URL."""
    return PostgresStore(url, folder, **more) if url else EmbeddedStore(folder, **more)


@contextmanager
def opener(request: pytest.FixtureRequest, folder: Path, **settings: Any) -> Iterator[Opener]:
    """For a fixture whose parameter is the engine."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    found = Opener(folder / "data", url, **settings)
    yield found
    found.close()
