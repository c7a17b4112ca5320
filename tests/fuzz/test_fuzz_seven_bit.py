import pytest

from tests.fuzz.fuzz_seven_bit import main


@pytest.mark.parametrize("seed", range(3))
def test_what_is_changed_holds_what_it_held(seed: int) -> None:
    assert main(300, seed) > 0
