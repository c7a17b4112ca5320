"""Counts of what is under way, by key, over all processes of a server: limits hold whichever process takes a request.

The memory is made before the fork. Each process writes its own part and reads the parts of the others, so there is no
lock that could be left behind, and the part of a process that died is wiped. docs/decisions.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Hashable

_BUCKETS = 2_048
_ENTRIES = 8  # in a bucket
_ENTRY = struct.Struct("=Qq")  # the key's hash; how many, where 0 is a free entry
_BUCKET = struct.Struct("=" + "Qq" * _ENTRIES)
_PART = _BUCKETS * _BUCKET.size
_MASK = (1 << 64) - 1


class Counts:
    """The shared memory: one part for each seat."""

    def __init__(self, seats: int = 1) -> None:
        """Make it before the fork, for at most so many processes at a time."""
        self.seats = seats
        self._memory = mmap.mmap(-1, seats * _PART)

    def seat(self, number: int = 0) -> Seat:
        """The part of a process, which alone writes there."""
        return Seat(self._memory, number, self.seats)

    def clear(self, number: int) -> None:
        """Forget what a process had under way that is there no more."""
        for start in range(number * _PART, (number + 1) * _PART, _BUCKET.size):
            if any(_BUCKET.unpack_from(self._memory, start)[1::2]):
                self._memory[start : start + _BUCKET.size] = bytes(_BUCKET.size)


class Seat:
    """What one process has under way. For one thread, that of the event loop."""

    def __init__(self, memory: mmap.mmap, number: int, seats: int) -> None:
        self._memory, self._start = memory, number * _PART
        self._others = [seat * _PART for seat in range(seats) if seat != number]
        self._mine: dict[Hashable, int] = {}

    def enter(self, key: Hashable, most: int) -> bool:
        """Count one more, unless that would be more than `most` in all processes; whether it was counted.

        It is counted first and looked at afterwards: two processes that do so at once may both be refused, and never
        go past the limit together.
        """
        mine = self._mine.get(key, 0)
        self._put(key, mine + 1)
        if self.total(key) > most:
            self._put(key, mine)
            return False
        return True

    def leave(self, key: Hashable) -> None:
        """Count one less."""
        self._put(key, self._mine[key] - 1)

    def total(self, key: Hashable) -> int:
        """How many there are, in all processes."""
        count = self._mine.get(key, 0)
        if self._others:
            mark, bucket = _place(key)
            for start in self._others:
                found = _BUCKET.unpack_from(self._memory, start + bucket)
                count += sum(found[i + 1] for i in range(0, len(found), 2) if found[i] == mark)
        return count

    def _put(self, key: Hashable, count: int) -> None:
        if count:
            self._mine[key] = count
        else:
            self._mine.pop(key, None)
        if self._others:
            self._show(key, count)

    def _show(self, key: Hashable, count: int) -> None:
        """Let the others see it. A key for which there is no room (thousands are) is counted here alone."""
        mark, bucket = _place(key)
        found = _BUCKET.unpack_from(self._memory, self._start + bucket)
        free = -1
        for entry in range(_ENTRIES):
            if not found[2 * entry + 1]:
                free = entry
            elif found[2 * entry] == mark:
                free = entry
                break
        if free >= 0:
            _ENTRY.pack_into(self._memory, self._start + bucket + free * _ENTRY.size, mark, count)


def _place(key: Hashable) -> tuple[int, int]:
    """The key's hash, the same in all processes that come from one by forking, and its bucket."""
    mark = hash(key) & _MASK
    return mark, (mark % _BUCKETS) * _BUCKET.size
