import pytest

from tests.fuzz.fuzz_imap_client import main


@pytest.mark.parametrize("seed", range(4))
def test_random_responses_do_not_depend_on_their_division(seed: int) -> None:
    main(100, seed)
