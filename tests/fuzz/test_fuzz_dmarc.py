import pytest

from tests.fuzz.fuzz_dmarc import main


@pytest.mark.parametrize("seed", range(5))
def test_damaged_dmarc_records_and_from_fields_have_an_outcome(seed: int) -> None:
    main(100, seed)
