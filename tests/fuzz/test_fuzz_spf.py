import pytest

from tests.fuzz.fuzz_spf import main


@pytest.mark.parametrize("seed", range(5))
def test_damaged_spf_records_end_within_the_limits(seed: int) -> None:
    main(100, seed)
