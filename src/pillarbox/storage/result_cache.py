"""Results of queries, remembered while the state stays: who scrolls asks for the same list again and again."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

from pillarbox.core.shelf import Shelf, Shelves

T = TypeVar("T")

_ID_OCTETS = 80  # of an id as a string, with its place in a list
_ENTRY_OCTETS = 1_500  # what an entry costs beside its ids: a filter, most of all
_WORTH = 50
_tokens = itertools.count()


class ResultCache(Generic[T]):
    """Lists by what was asked for, as far as there is room."""

    def __init__(self, shelves: Shelves, name: str = "queries", item_octets: int = _ID_OCTETS) -> None:
        """`item_octets` is what each item of a list takes."""
        self.has_short = False  # whether the first few results of a list are worth remembering too
        self.token = next(_tokens)
        self._lists: Shelf[Hashable, tuple[str, Sequence[T]]] = Shelf(shelves, name, _WORTH)
        self._item_octets = item_octets

    def clear(self) -> None:
        """Forget all."""
        self._lists.clear()

    def get(self, key: Hashable, state: str) -> Sequence[T] | None:
        """The list, unless it is of another state."""
        found = self._lists.get(key)
        return found[1] if found is not None and found[0] == state else None

    def put(self, key: Hashable, state: str, ids: Sequence[T]) -> None:
        """Remember a list in place of an older one."""
        self._lists.put(key, (state, ids), _ENTRY_OCTETS + self._item_octets * len(ids))
