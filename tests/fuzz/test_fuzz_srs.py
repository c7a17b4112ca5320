import pytest

from tests.fuzz.fuzz_srs import main


@pytest.mark.parametrize("seed", range(5))
def test_only_what_was_made_here_is_read_back(seed: int) -> None:
    main(200, seed)
