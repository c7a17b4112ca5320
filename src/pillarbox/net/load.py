"""How many connections each process of a server has, in memory that all of them share: what the balance goes by."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_NUMBER = struct.Struct("=q")
_HERE = 1  # is added to the number of a process that accepts; 0 stands for one that does not


class Loads:
    """One number for each seat. A process writes its own; the supervisor wipes that of one that died."""

    def __init__(self, seats: int = 1) -> None:
        """Make it before the fork, for at most so many processes at a time."""
        self.seats = seats
        self._memory = mmap.mmap(-1, seats * _NUMBER.size)
        self._all = struct.Struct(f"={seats}q")

    def put(self, seat: int, connections: int) -> None:
        """Say how many connections a process has that accepts more."""
        _NUMBER.pack_into(self._memory, seat * _NUMBER.size, connections + _HERE)

    def clear(self, seat: int) -> None:
        """The process accepts no more, or is no more."""
        _NUMBER.pack_into(self._memory, seat * _NUMBER.size, 0)

    def least(self) -> int:
        """The fewest connections that any process has that accepts."""
        return min((n for n in self._all.unpack_from(self._memory) if n), default=_HERE) - _HERE

    def shown(self) -> list[int | None]:
        """The connections of each seat; None where nobody accepts."""
        return [n - _HERE if n else None for n in self._all.unpack_from(self._memory)]


class Connections(set[T]):
    """The open connections of a listener; calls a function when one comes or goes."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        super().__init__()
        self._on_change = on_change

    def add(self, connection: T) -> None:
        """One more."""
        super().add(connection)
        self._on_change()

    def discard(self, connection: object) -> None:
        """One less."""
        super().discard(connection)
        self._on_change()
