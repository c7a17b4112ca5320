import pytest

from tests.fuzz.fuzz_authentication_results import main


@pytest.mark.parametrize("seed", range(5))
def test_damaged_results_are_read_and_no_text_forges_one(seed: int) -> None:
    main(100, seed)
