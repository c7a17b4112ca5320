import pytest

from pillarbox.servers.imap.found import Found, told_of
from pillarbox.wire.imap.message_command import Partial

TELLING = [
    ([2, 3, 7], {"MIN", "MAX", "ALL", "COUNT"}, None, " MIN 2 MAX 7 ALL 2:3,7 COUNT 3"),
    ([], {"MIN", "MAX", "ALL", "COUNT"}, None, " COUNT 0"),
    ([], {"ALL"}, None, ""),
    ([5, 1, 2, 9], {"MIN", "MAX", "ALL"}, None, " MIN 5 MAX 9 ALL 5,1:2,9"),  # RFC 5267 §3: in the order of SORT
    ([2, 3, 7], set(), Partial(1, 2), " PARTIAL (1:2 2:3)"),
    ([2, 3, 7], set(), Partial(2, 1), " PARTIAL (1:2 2:3)"),
    ([2, 3, 7], set(), Partial(-1, -2), " PARTIAL (-1:-2 3,7)"),
    ([2, 3, 7], set(), Partial(-2, -1), " PARTIAL (-1:-2 3,7)"),
    ([2, 3, 7], {"COUNT"}, Partial(4, 9), " COUNT 3 PARTIAL (4:9 NIL)"),
]


@pytest.mark.parametrize(("numbers", "returned", "partial", "words"), TELLING)
def test_a_result_is_told_as_it_was_asked_for(
    numbers: list[int], returned: set[str], partial: Partial | None, words: str
) -> None:
    assert Found(numbers).words(numbers, returned, partial) == words


def test_scores_and_the_modseq_come_last() -> None:
    assert Found([2, 3], 17, [50, 100]).words([2, 3], {"ALL"}, None) == " ALL 2:3 RELEVANCY (50 100) MODSEQ 17"


@pytest.mark.parametrize(
    ("returned", "partial", "told"),
    [
        (None, None, [2, 3, 7, 9]),
        (set(), None, [2, 3, 7, 9]),
        ({"SAVE"}, None, [2, 3, 7, 9]),
        ({"SAVE", "MIN"}, None, [2]),
        ({"SAVE", "MAX"}, None, [9]),
        ({"SAVE", "MIN", "MAX"}, None, [2, 9]),
        ({"SAVE", "MIN", "COUNT"}, None, [2, 3, 7, 9]),
        ({"SAVE"}, Partial(2, 3), [3, 7]),
        ({"SAVE", "MIN"}, Partial(-1, -2), [2, 7, 9]),
    ],
)
def test_min_and_max_alone_save_no_more_than_they_tell(
    returned: set[str] | None, partial: Partial | None, told: list[int]
) -> None:
    assert told_of([2, 3, 7, 9], returned, partial) == told
    assert told_of([], returned, partial) == []
