"""The power is cut at some moments of one short run; and a disk that lies about syncs is found out."""

import random
from pathlib import Path

import pytest

from tests.crash.fault import compiled
from tests.crash.power import Recording, cut_power

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = compiled(tmp_path_factory.mktemp("library"))
    if found is None:
        pytest.skip("there is no C compiler here (cc)")
    return found


def test_what_was_acknowledged_outlives_the_power(tmp_path: Path, library: Path) -> None:
    cut_power(tmp_path, library, images=12, seed=3, seconds=0.7)


def test_a_disk_that_lies_about_syncs_loses_what_was_acknowledged(tmp_path: Path, library: Path) -> None:
    recording = Recording(tmp_path, library, seed=3, seconds=0.4, lies=True)
    assert any(loader.ledger.acknowledged for loader in recording.loaders)
    assert recording.check(len(recording.acts), tmp_path / "image", random.Random(1), "nothing")
