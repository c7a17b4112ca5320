"""Results of queries, remembered while the state stays: who scrolls asks for the same list again and again."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

_MAX_IDS = 500_000
_MIN_IDS = 20  # what an entry costs beside its ids
_tokens = itertools.count()


class ResultCache(Generic[T]):
    """The least recently used lists go first; the bound is on ids held in all, whatever the number of lists."""

    def __init__(self, max_ids: int = _MAX_IDS, *, has_short: bool = False) -> None:
        """`has_short` says whether the first few results of a list are worth remembering too."""
        self.has_short = has_short
        self.token = next(_tokens)
        self._lists: OrderedDict[Hashable, tuple[str, Sequence[T]]] = OrderedDict()
        self._held = 0
        self._max = max_ids
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._lists.clear()
            self._held = 0

    def get(self, key: Hashable, state: str) -> Sequence[T] | None:
        """The list, unless it is of another state."""
        with self._lock:
            found = self._lists.get(key)
            if found is None or found[0] != state:
                return None
            self._lists.move_to_end(key)
            return found[1]

    def put(self, key: Hashable, state: str, ids: Sequence[T]) -> None:
        """Remember a list in place of an older one."""
        with self._lock:
            old = self._lists.pop(key, None)
            self._held -= len(old[1]) + _MIN_IDS if old else 0
            self._lists[key] = (state, ids)
            self._held += len(ids) + _MIN_IDS
            while self._held > self._max and self._lists:
                _, (_, dropped) = self._lists.popitem(last=False)
                self._held -= len(dropped) + _MIN_IDS
