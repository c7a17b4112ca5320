import pytest

from tests.fuzz.fuzz_mta_sts import main


@pytest.mark.parametrize("seed", range(4))
def test_broken_policies_are_refused_or_stay_the_same_when_written(seed: int) -> None:
    main(500, seed)
