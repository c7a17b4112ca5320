from pathlib import Path

import pytest

from tests.fuzz import harness

FOLDER = Path(__file__).parent


@pytest.mark.parametrize("name", harness.names(FOLDER))
def test_a_parser_survives_a_few_rounds_of_its_harness(name: str) -> None:
    harness.load(name)(50, 1)


def test_every_harness_in_the_folder_is_found(tmp_path: Path) -> None:
    for name in ("fuzz_scan.py", "fuzz_date.py", "harness.py", "test_harness.py"):
        (tmp_path / name).touch()

    assert harness.names(tmp_path) == ["date", "scan"]
