import pytest

from tests.fuzz.fuzz_websocket import main


@pytest.mark.parametrize("seed", range(4))
def test_random_frames_do_not_depend_on_their_division(seed: int) -> None:
    main(30, seed)
