"""What is remembered never takes more than there is room for, and is what was put there last."""

from __future__ import annotations

import threading

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pillarbox.core.shelf import THING_OCTETS, Shelf, Shelves

_SHELVES, _KEYS = st.integers(0, 2), st.integers(0, 9)
_OCTETS = st.integers(0, 3_000)


class AnyActs(RuleBasedStateMachine):
    """Any sequence of acts on three shelves that share their room, beside a plain record of what was put last."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 8_000
        self.all = Shelves(self.most)
        self.three: list[Shelf[int, object]] = [
            Shelf(self.all, f"shelf {n}", worth) for n, worth in enumerate((1, 30, 500))
        ]
        self.last: dict[tuple[int, int], tuple[object, int]] = {}

    @rule(shelf=_SHELVES, key=_KEYS, octets=_OCTETS)
    def put(self, shelf: int, key: int, octets: int) -> None:
        value = object()
        self.three[shelf].put(key, value, octets)
        self.last[shelf, key] = value, octets + THING_OCTETS

    @rule(shelf=_SHELVES, key=_KEYS)
    def get(self, shelf: int, key: int) -> None:
        found = self.three[shelf].get(key)
        assert (found is not None) == (key in self.three[shelf])
        assert found is None or found is self.last[shelf, key][0]

    @precondition(lambda self: self.last)
    @rule(data=st.data(), octets=_OCTETS, is_same=st.booleans())
    def grow(self, data: st.DataObject, octets: int, is_same: bool) -> None:
        shelf, key = data.draw(st.sampled_from(sorted(self.last)))
        value, weight = self.last[shelf, key]
        was_there = key in self.three[shelf]
        is_kept = self.three[shelf].grow(key, value if is_same else object(), octets)
        assert is_kept == (key in self.three[shelf] and is_same)
        if was_there and is_same:
            self.last[shelf, key] = value, weight + octets

    @rule(shelf=_SHELVES)
    def clear(self, shelf: int) -> None:
        self.three[shelf].clear()
        assert len(self.three[shelf]) == self.three[shelf].held == 0

    @rule(octets=st.integers(0, 20_000))
    def resize(self, octets: int) -> None:
        self.most = octets
        self.all.resize(octets)

    @invariant()
    def is_within_bounds(self) -> None:
        weights = [sum(self.last[n, key][1] for key in range(10) if key in shelf) for n, shelf in enumerate(self.three)]
        assert [shelf.held for shelf in self.three] == weights
        assert self.all.held == sum(weights) <= self.most


TestAnyActs = AnyActs.TestCase
TestAnyActs.settings = settings(max_examples=100, stateful_step_count=60, deadline=None)


def kept(shelf: Shelf[int, str]) -> list[int]:
    return [key for key in range(100) if key in shelf]


def test_what_was_not_used_goes_before_what_was() -> None:
    shelves = Shelves(4 * THING_OCTETS)
    shelf: Shelf[int, str] = Shelf(shelves, "one", 10)
    for key in range(4):
        shelf.put(key, "x", 0)
    shelf.get(0)
    shelf.get(2)
    for key in (4, 5):
        shelf.put(key, "x", 0)
    assert kept(shelf) == [0, 2, 4, 5]


def test_of_two_kinds_the_cheaper_one_goes_first_but_not_for_ever() -> None:
    shelves = Shelves(10 * THING_OCTETS)
    cheap: Shelf[int, str] = Shelf(shelves, "cheap", 10)
    dear: Shelf[int, str] = Shelf(shelves, "dear", 100)
    for key in range(5):
        cheap.put(key, "x", 0)
        dear.put(key, "x", 0)
    for key in range(5, 10):
        cheap.put(key, "x", 0)
    assert (kept(cheap), kept(dear)) == ([5, 6, 7, 8, 9], [0, 1, 2, 3, 4])
    for key in range(10, 90):
        cheap.put(key, "x", 0)
    assert kept(dear) == []
    assert len(kept(cheap)) == 10


def test_what_is_larger_than_the_room_clears_nothing_but_what_it_replaces() -> None:
    shelves = Shelves(5_000)
    shelf: Shelf[int, str] = Shelf(shelves, "one", 10)
    for key in (1, 2):
        shelf.put(key, "small", 100)
    shelf.put(2, "large", 5_000)
    assert (shelf.get(1), shelf.get(2)) == ("small", None)


def test_what_outgrows_the_room_goes() -> None:
    shelves = Shelves(5_000)
    shelf: Shelf[int, list[int]] = Shelf(shelves, "one", 10)
    value = [1]
    shelf.put(1, value, 100)
    assert shelf.grow(1, value, 4_000)
    assert not shelf.grow(1, value, 4_000)
    assert (shelf.get(1), shelves.held) == (None, 0)


def test_shelves_without_room_keep_nothing() -> None:
    shelves = Shelves(0)
    shelf: Shelf[int, str] = Shelf(shelves, "one", 10)
    shelf.put(1, "x", 0)
    assert (shelf.get(1), shelves.held) == (None, 0)


def test_values_that_say_nothing_are_kept_too() -> None:
    shelf: Shelf[int, None] = Shelf(Shelves(), "one", 10)
    shelf.put(1, None, 0)
    assert (1 in shelf, 2 in shelf) == (True, False)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1_000))
def test_threads_that_put_and_look_at_once_leave_it_counted_right(seed: int) -> None:
    shelves = Shelves(20 * THING_OCTETS)
    three: list[Shelf[int, tuple[int, int]]] = [Shelf(shelves, str(n), 10 * n) for n in range(3)]
    wrong: list[object] = []

    def work(mine: int) -> None:
        for step in range(1_500):
            at, key = (seed + step * mine) % 3, (seed + step * 7) % 30
            three[at].put(key, (at, key), step % 900)
            found = three[(at + 1) % 3].get(key)
            if found not in {None, ((at + 1) % 3, key)}:
                wrong.append(found)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in (1, 2, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert shelves.held == sum(shelf.held for shelf in three) <= 20 * THING_OCTETS
