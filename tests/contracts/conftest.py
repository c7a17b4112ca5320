"""What every store has to do, whatever its engine: add an engine to ENGINES, and no test changes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pillarbox.core.limits import Limits
from pillarbox.storage.store import Store
from tests.directory_fixture import SetClock
from tests.support.engine import ENGINES, Opener, opener
from tests.support.mail_house import House


@pytest.fixture(params=ENGINES)
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens the same store again and again."""
    with opener(request, tmp_path, clock=SetClock(), limits=Limits(blob_inline_octets=1000)) as found:
        yield found


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
