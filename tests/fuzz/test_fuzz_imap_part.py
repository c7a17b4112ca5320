import pytest

from tests.fuzz.fuzz_imap_part import main


@pytest.mark.parametrize("seed", range(3))
def test_whatever_a_message_is_imap_shows_it_in_its_own_grammar(seed: int) -> None:
    main(100, seed)
