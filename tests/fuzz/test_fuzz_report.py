import pytest

from tests.fuzz.fuzz_report import main


@pytest.mark.parametrize("seed", range(5))
def test_damaged_reports_are_read_or_refused(seed: int) -> None:
    main(100, seed)
