import pytest

from tests.fuzz.fuzz_milter import main


@pytest.mark.parametrize("seed", range(4))
def test_random_answers_of_filters_do_not_depend_on_their_division(seed: int) -> None:
    main(200, seed)
