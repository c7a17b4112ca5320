import pytest

from tests.fuzz.fuzz_dkim import main


@pytest.mark.parametrize("seed", range(3))
def test_what_was_changed_never_passes_and_all_has_a_verdict(seed: int) -> None:
    main(60, seed)
