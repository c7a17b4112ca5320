"""How large an answer may become: what makes a large one asks for room as it grows."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from pillarbox.core.faults import Fault, Kind

_encode = msgspec.json.Encoder().encode


class Room:
    """So many octets of one answer. Ids are short, and what they name is not: only who makes an answer sees it grow."""

    __slots__ = ("most", "taken")

    def __init__(self, most: int = sys.maxsize) -> None:
        self.most, self.taken = most, 0

    def take(self, octets: int) -> None:
        """Use some of it. Raises REQUEST_TOO_LARGE when there is not so much left."""
        self.taken += octets
        self.need(0)

    def need(self, octets: int) -> None:
        """Raise REQUEST_TOO_LARGE when there is not so much left for what is about to be made."""
        if self.taken + octets > self.most:
            raise Fault(Kind.REQUEST_TOO_LARGE, "this is too much for one answer; ask for less at a time")

    def told(self, value: Any, before: int | None = None) -> msgspec.Raw:
        """A value as the JSON that it will be in the answer, which takes its room.

        `before` is what was taken when its making began, if parts of it may have taken theirs since.
        """
        octets = _encode(value)
        self.take(len(octets) - (0 if before is None else self.taken - before))
        return msgspec.Raw(octets)
