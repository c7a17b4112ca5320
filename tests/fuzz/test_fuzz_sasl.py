import pytest

from tests.fuzz.fuzz_sasl import main


@pytest.mark.parametrize("seed", range(4))
def test_random_messages_are_understood_or_refused(seed: int) -> None:
    main(300, seed)
