import pytest

from tests.fuzz.fuzz_client_hello import main


@pytest.mark.parametrize("seed", range(4))
def test_broken_client_hellos_are_seen_alike_however_much_has_come(seed: int) -> None:
    main(200, seed)
