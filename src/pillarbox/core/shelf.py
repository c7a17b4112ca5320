"""One bound for all that a process remembers: what is on a shelf takes octets of the room that all shelves share.

Where the room is full, what is cheapest to make anew and was not used for the longest time goes, on whatever shelf it
lies. That is GreedyDual (Cao and Irani, 1997) with a second chance in the place of a sorted order: a look at a shelf
moves nothing and takes no lock, it only leaves a mark; who wants to take something away looks at the marks.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

DEFAULT_OCTETS = 64_000_000
THING_OCTETS = 400  # what a thing takes beside its key and its value: its place on the shelf, and its marks


class _Thing(Generic[V]):
    __slots__ = ("octets", "rank", "value", "was_used")

    def __init__(self, value: V, octets: int, rank: float) -> None:
        self.value, self.octets, self.rank = value, octets, rank
        self.was_used = False


class Shelves:
    """All shelves of a process. For any thread."""

    def __init__(self, octets: int = DEFAULT_OCTETS) -> None:
        """`octets` are those that all things on all shelves may take together."""
        self.every: list[Shelf[Any, Any]] = []
        self.held = 0
        self._octets = octets
        # The rank of what went last: it rises, so that what is dear and not used for long goes some time, too.
        self._level = 0.0
        self._lock = threading.Lock()

    def resize(self, octets: int) -> None:
        """Have so many octets from now on."""
        with self._lock:
            self._octets = octets
            self._make_room()

    def _make_room(self) -> None:
        while self.held > self._octets:
            shelf = min((each for each in self.every if each.things), key=Shelf.lowest_rank)
            key, thing = shelf.first()
            if thing.was_used:
                thing.was_used, thing.rank = False, self._level + shelf.worth
                shelf.things.move_to_end(key)
            else:
                self._level = thing.rank
                self._take(shelf, key)

    def _put(self, shelf: Shelf[K, V], key: K, value: V, octets: int) -> None:
        octets += THING_OCTETS
        with self._lock:
            self._take(shelf, key)
            if octets <= self._octets:  # or else it would clear the room for nothing
                shelf.things[key] = _Thing(value, octets, self._level + shelf.worth)
                self._weigh(shelf, octets)
                self._make_room()

    def _grow(self, shelf: Shelf[K, V], key: K, value: V, octets: int) -> bool:
        with self._lock:
            thing = shelf.things.get(key)
            if thing is None or thing.value is not value:
                return False
            thing.octets += octets
            self._weigh(shelf, octets)
            self._make_room()
            return key in shelf.things

    def _clear(self, shelf: Shelf[K, V]) -> None:
        with self._lock:
            shelf.things.clear()
            self._weigh(shelf, -shelf.held)

    def _take(self, shelf: Shelf[K, V], key: K) -> None:
        thing = shelf.things.pop(key, None)
        if thing is not None:
            self._weigh(shelf, -thing.octets)

    def _weigh(self, shelf: Shelf[K, V], octets: int) -> None:
        shelf.held += octets
        self.held += octets


class Shelf(Generic[K, V]):
    """Things of one kind by their keys. For any thread; what is on it may be gone at any moment."""

    def __init__(self, shelves: Shelves, name: str, worth: float) -> None:
        """`name` is what metrics call it; `worth` is what an octet costs to be made anew, in ns of processor."""
        self.name, self.worth = name, worth
        self.held = 0
        self.things: OrderedDict[K, _Thing[V]] = OrderedDict()  # by rank; changed under the lock of all only
        self._shelves = shelves
        shelves.every.append(self)

    def __contains__(self, key: object) -> bool:
        return key in self.things

    def __len__(self) -> int:
        return len(self.things)

    def get(self, key: K) -> V | None:
        """What lies there, which counts as a use of it."""
        thing = self.things.get(key)
        if thing is None:
            return None
        thing.was_used = True
        return thing.value

    def put(self, key: K, value: V, octets: int) -> None:
        """Keep something of this weight, with its key, in place of what was there."""
        self._shelves._put(self, key, value, octets)  # noqa: SLF001 -- a shelf is one of the shelves

    def grow(self, key: K, value: V, octets: int) -> bool:
        """This very value has become heavier by so much; whether it is kept still."""
        return self._shelves._grow(self, key, value, octets)  # noqa: SLF001

    def clear(self) -> None:
        """Forget all that is on it."""
        self._shelves._clear(self)  # noqa: SLF001

    def first(self) -> tuple[K, _Thing[V]]:
        """What is next to go, unless it was used. There must be something."""
        return next(iter(self.things.items()))

    def lowest_rank(self) -> float:
        """The rank of that."""
        return self.first()[1].rank
