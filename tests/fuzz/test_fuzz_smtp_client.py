import pytest

from tests.fuzz.fuzz_smtp_client import main


@pytest.mark.parametrize("seed", range(4))
def test_random_servers_end_and_make_nothing_delivered(seed: int) -> None:
    main(200, seed)
