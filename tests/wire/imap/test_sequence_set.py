import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.wire.imap.sequence_set import STAR, SequenceSet, to_set


@pytest.mark.parametrize(
    ("ranges", "highest", "bounded"),
    [
        ((), 9, []),
        (((1, 3),), 9, [(1, 3)]),
        (((3, 1),), 9, [(1, 3)]),
        (((5, 5), (1, 2), (3, 3), (2, 2)), 9, [(1, 3), (5, 5)]),
        (((4, STAR),), 9, [(4, 9)]),
        (((4, STAR),), 2, [(2, 4)]),
        (((STAR, STAR),), 7, [(7, 7)]),
        (((1, 4294967295),), 3, [(1, 4294967295)]),
    ],
)
def test_ranges_are_put_in_order_and_joined(
    ranges: tuple[tuple[int, int], ...], highest: int, bounded: list[tuple[int, int]]
) -> None:
    assert SequenceSet(ranges).bounded(highest) == bounded


@given(st.sets(st.integers(1, 60)))
def test_numbers_are_written_as_a_set_that_means_the_same(numbers: set[int]) -> None:
    text = to_set(sorted(numbers))
    ranges = [tuple(map(int, part.split(":"))) for part in text.split(",") if part]
    assert {number for pair in ranges for number in range(pair[0], pair[-1] + 1)} == numbers
    assert all(pair[0] < pair[1] for pair in ranges if len(pair) > 1)
    bounded = SequenceSet(tuple((pair[0], pair[-1]) for pair in ranges)).bounded(1)
    assert len(bounded) == len(ranges)
