"""What a search found is told again as long as it is true, and no longer."""

from __future__ import annotations

from array import array
from datetime import date

import pytest

from pillarbox.servers.imap.image import Image
from pillarbox.servers.imap.search_memory import SearchMemory, is_lasting
from pillarbox.wire.imap import search_key as k
from pillarbox.wire.imap.sequence_set import STAR, SequenceSet

PLACE = ("a1", "m1")
SEEN = k.HasFlag("\\Seen")


def image(modseq: int, uid_next: int = 9, validity: int = 1) -> Image:
    return Image(array("I", [1, 2, 3]), frozenset(), (validity, uid_next, modseq))


def test_a_result_holds_for_one_state_of_one_mailbox() -> None:
    memory, asked = SearchMemory(), list[int]()

    def find() -> tuple[list[int], bool]:
        asked.append(1)
        return [len(asked)], True

    def found(place: tuple[str, str], of: Image, key: k.SearchKey) -> list[int]:
        return list(memory.found(place, of, key, find))

    assert [found(PLACE, image(5), SEEN) for _ in range(3)] == [[1]] * 3
    assert found(PLACE, image(6), SEEN) == [2]
    assert found(PLACE, image(6, uid_next=10), SEEN) == [3]
    assert found(PLACE, image(6, uid_next=10, validity=2), SEEN) == [4]
    assert found(("a2", "m1"), image(6), SEEN) == [5]
    assert found(PLACE, image(6, uid_next=10, validity=2), k.Not(SEEN)) == [6]
    assert found(PLACE, image(6, uid_next=10, validity=2), SEEN) == [4]


def test_a_result_that_may_be_another_next_time_is_not_remembered() -> None:
    memory = SearchMemory()
    assert list(memory.found(PLACE, image(5), SEEN, lambda: ([1], False))) == [1]
    assert list(memory.found(PLACE, image(5), SEEN, lambda: ([1, 2], True))) == [1, 2]
    assert list(memory.found(PLACE, image(5), SEEN, lambda: ([3], True))) == [1, 2]


@pytest.mark.parametrize(
    ("key", "lasts"),
    [
        (SEEN, True),
        (k.Every(()), True),
        (k.Dated("sent", "<", date(2026, 1, 2)), True),
        (k.Numbers(SequenceSet(((1, STAR),)), is_uid=False), True),
        (k.Numbers(SequenceSet(((2, STAR),)), is_uid=True), False),
        (k.Numbers(SequenceSet(is_saved=True), is_uid=True), False),
        (k.Not(k.Either(SEEN, k.Within(is_older=True, seconds=5))), False),
        (k.Fuzzy(k.Numbers(SequenceSet(((5, 5),)), is_uid=True)), False),
        (k.Text("text", "x" * 501), False),
        (k.Every(tuple(k.Text("from", "x" * 100) for _ in range(6))), False),
        (k.Every((SEEN,) * 25), False),
    ],
)
def test_what_depends_on_the_session_or_the_time_or_is_long_is_not_remembered(key: k.SearchKey, lasts: bool) -> None:
    assert is_lasting(key) is lasts


def test_an_order_and_threads_hold_for_the_same_messages_whatever_their_flags() -> None:
    memory = SearchMemory()
    assert list(memory.order(PLACE, image(5), "DATE", [1, 2], lambda: [2, 1])) == [2, 1]
    assert list(memory.order(PLACE, image(6), "DATE", array("I", [1, 2]), list)) == [2, 1]
    assert list(memory.order(PLACE, image(6), "DATE", [1, 3], lambda: [3, 1])) == [3, 1]
    assert list(memory.order(PLACE, image(6), "SIZE", [1, 2], lambda: [1, 2])) == [1, 2]
    assert memory.threads(PLACE, image(5), "REFS", [1, 2], [1, 2], lambda: b"(1 2)") == b"(1 2)"
    assert memory.threads(PLACE, image(6), "REFS", [1, 2], [1, 2], lambda: b"") == b"(1 2)"
    assert memory.threads(PLACE, image(6, validity=2), "REFS", [1, 2], [1, 2], lambda: b"(2 1)") == b"(2 1)"
