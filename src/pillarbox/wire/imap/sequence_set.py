"""Sets of message numbers or UIDs, as clients write them: `1:5,9,12:*` (RFC 9051 §9, sequence-set)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

STAR = 0  # `*`, the highest number in use


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """Ranges as they were written, each (first, last), in which `STAR` stands for the highest number.

    `is_saved` is `$`, the result of the last search that saved one (RFC 5182); then there are no ranges.
    """

    ranges: tuple[tuple[int, int], ...] = ()
    is_saved: bool = False

    def bounded(self, highest: int) -> list[tuple[int, int]]:
        """The ranges in rising order, joined where they meet, with `*` put in; each (first, last), first <= last.

        RFC 9051 §9: `*` is the highest number in use; `4:*` holds it even if it is lower than 4.
        """
        pairs = sorted(
            (min(a, b), max(a, b)) for a, b in ((first or highest, last or highest) for first, last in self.ranges)
        )
        out: list[tuple[int, int]] = []
        for first, last in pairs:
            if out and first <= out[-1][1] + 1:
                out[-1] = (out[-1][0], max(out[-1][1], last))
            else:
                out.append((first, last))
        return out


def is_whole(numbers: SequenceSet) -> bool:
    """Whether a set is `1:*`: all messages, whatever numbers they have."""
    return (1, STAR) in numbers.ranges or (STAR, 1) in numbers.ranges


def to_set(numbers: Iterable[int]) -> str:
    """Rising numbers in the short form, `1:3,7`; empty when there are none."""
    return ",".join(f"{first}:{last}" if last > first else str(first) for first, last in _runs(numbers))


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    first = last = None
    for number in numbers:
        if last is not None and number == last + 1:
            last = number
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = number
    if first is not None and last is not None:
        yield first, last
