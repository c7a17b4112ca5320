import pytest

from tests.fuzz.fuzz_dns import main


@pytest.mark.parametrize("seed", range(4))
def test_broken_answers_of_dns_servers_are_answers_within_bounds_or_none(seed: int) -> None:
    main(200, seed)
