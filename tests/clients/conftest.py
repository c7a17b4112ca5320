"""What the tests of IMAP programs share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.imap_place import Place, place_in
from tools.demo_process import DemoProcess


@pytest.fixture(scope="session")
def imap_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    """A server for all of them."""
    with DemoProcess(Path(tmp_path_factory.mktemp("imap")) / "data", port_base=0) as running:
        yield running


@pytest.fixture
def place(imap_demo: DemoProcess, tmp_path: Path) -> Iterator[Place]:
    """A new account there."""
    place = place_in(imap_demo, tmp_path)
    with place.jmap:
        yield place
