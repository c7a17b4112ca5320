import pytest

from tests.fuzz.fuzz_tlsa import main


@pytest.mark.parametrize("seed", range(4))
def test_broken_chains_are_judged_and_none_passes_that_was_not_published(seed: int) -> None:
    main(100, seed)
