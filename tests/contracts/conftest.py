"""What every store has to do, whatever its engine: add an engine to ENGINES, and no test changes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pillarbox.core.limits import Limits
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.store import Store
from tests.directory_fixture import SetClock
from tests.support.mail_house import House

Opener = Callable[[], Store]


def _sqlite(folder: Path) -> Store:
    return EmbeddedStore(folder / "data", clock=SetClock(), limits=Limits(blob_inline_octets=1000))


ENGINES = {"sqlite": _sqlite}


@pytest.fixture(params=sorted(ENGINES))
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens the same store again and again."""
    opened: list[Store] = []

    def again() -> Store:
        opened.append(ENGINES[request.param](tmp_path))
        return opened[-1]

    yield again
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Opener) -> Store:
    """An empty store."""
    return open_store()


@pytest.fixture
def house(store: Store) -> House:
    """Accounts with mailboxes in the store."""
    clock = store.clock
    assert isinstance(clock, SetClock)
    return House(store, clock)
