import pytest

from tests.fuzz.fuzz_imap_server import main


@pytest.mark.parametrize("seed", range(2))
def test_damaged_commands_are_answered_and_break_nothing(seed: int) -> None:
    main(10, seed)
