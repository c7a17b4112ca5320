"""The house for these tests, on every engine: the laws are the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.directory_fixture import SetClock
from tests.support.engine import ENGINES, opener
from tests.support.mail_house import House


@pytest.fixture(params=ENGINES)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A fresh house."""
    clock = SetClock()
    with opener(request, tmp_path, clock=clock) as open_store:
        yield House(open_store(), clock)
