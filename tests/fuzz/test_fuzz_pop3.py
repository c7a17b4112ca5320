import pytest

from tests.fuzz.fuzz_pop3 import main


@pytest.mark.parametrize("seed", range(5))
def test_random_conversations_and_messages_do_not_depend_on_their_division(seed: int) -> None:
    main(60, seed)
