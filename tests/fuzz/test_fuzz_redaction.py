import pytest

from tests.fuzz.fuzz_redaction import main


@pytest.mark.parametrize("seed", range(5))
def test_no_local_part_is_left_in_a_header(seed: int) -> None:
    main(300, seed)
