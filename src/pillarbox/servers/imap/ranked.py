"""A number of each message of a mailbox, such as when it came, so that all above a limit are found at once."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence

_RANKS = 256  # that an octet can tell
VALUE_OCTETS = 9  # what a number takes


class Ranked:
    """Numbers in the order of messages, with the rank of each. It is never changed.

    `bounds` divide all numbers, as they are sorted, into parts of about the same length; a number's rank is how many
    bounds are not above it. A limit then falls into one rank: of all others the rank is answer enough, and an octet for
    each is compared at the speed of memory; only the numbers of this rank are looked at.
    """

    __slots__ = ("_bounds", "_grown", "_ranks", "_values")

    def __init__(self, values: array[int], bounds: Sequence[int], ranks: bytes, grown: int = 0) -> None:
        """`grown`: how many numbers have come since the bounds were chosen."""
        self._values, self._bounds, self._ranks, self._grown = values, bounds, ranks, grown

    @classmethod
    def of(cls, values: Iterable[int]) -> Ranked:
        """The numbers with bounds that suit them."""
        kept = array("q", values)
        rising = sorted(kept)
        bounds = sorted({rising[len(rising) * part // _RANKS] for part in range(1, _RANKS)}) if rising else []
        return cls(kept, bounds, _ranks(bounds, kept))

    def changed(self, gone: Sequence[int], new: Sequence[int]) -> Ranked:
        """Without the numbers at some places, which rise, and with further ones at the end."""
        if not gone and not new:
            return self
        values, ranks, grown = array("q", self._values), bytearray(self._ranks), self._grown + len(new)
        for at in reversed(gone):
            del values[at], ranks[at]
        values.extend(new)
        if grown > len(values) // 4:  # too many may have one rank
            return Ranked.of(values)
        return Ranked(values, self._bounds, bytes(ranks) + _ranks(self._bounds, new), grown)

    def at_least(self, limit: int) -> bytes | bytearray:
        """An octet for each number: 1 when it is not below the limit, else 0."""
        bounds, values = self._bounds, self._values
        rank = bisect_right(bounds, limit)
        if rank and bounds[rank - 1] == limit:
            return self._ranks.translate(_from(rank))
        out = bytearray(self._ranks.translate(_from(rank + 1)))
        at = self._ranks.find(rank)
        while at >= 0:
            out[at] = values[at] >= limit
            at = self._ranks.find(rank, at + 1)
        return out


def _ranks(bounds: Sequence[int], values: Iterable[int]) -> bytes:
    return bytes([bisect_right(bounds, value) for value in values])


def _from(rank: int) -> bytes:
    """The table that makes 1 of a rank and all that are higher."""
    return bytes(rank) + b"\1" * (_RANKS - rank)
