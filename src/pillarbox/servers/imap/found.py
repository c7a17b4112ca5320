"""What a search has found, and how it is told (RFC 9051 §7.3.4; RFC 5267 §3; RFC 6203 §4; RFC 9394 §3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from pillarbox.wire.imap.message_command import Partial
from pillarbox.wire.imap.sequence_set import to_set

_WITH_ALL = frozenset({"ALL", "COUNT"})


class Found(NamedTuple):
    """UIDs in the order of the result; the modseq that is told with them, 0 for none; how relevant each is, or ()."""

    uids: Sequence[int]
    modseq: int = 0
    scores: Sequence[int] = ()

    def words(self, numbers: Sequence[int], returned: AbstractSet[str], partial: Partial | None) -> str:
        """What stands in an ESEARCH after its head; `numbers` are the results as the client numbers them.

        RFC 9051 §7.3.4: of nothing there is no MIN, MAX and ALL, but a COUNT. RFC 5267 §3: in an order, MIN is the
        first of it, and MAX the last.
        """
        out = ""
        if numbers and "MIN" in returned:
            out += f" MIN {numbers[0]}"
        if numbers and "MAX" in returned:
            out += f" MAX {numbers[-1]}"
        if numbers and "ALL" in returned:
            out += f" ALL {to_set(numbers)}"
        if "COUNT" in returned:
            out += f" COUNT {len(numbers)}"
        if partial is not None:
            part = partial_of(numbers, partial)
            near, far = sorted((partial.first, partial.last), key=abs)
            out += f" PARTIAL ({near}:{far} {to_set(part) if part else 'NIL'})"
        if self.scores:
            out += f" RELEVANCY ({' '.join(map(str, self.scores))})"
        if self.modseq:
            out += f" MODSEQ {self.modseq}"
        return out


def partial_of(numbers: Sequence[int], partial: Partial) -> Sequence[int]:
    """The part of a result that PARTIAL asks for, counted from its first or, if negative, from its last."""
    start, end = partial.bounded(len(numbers))
    return numbers[start:end]


def told_of(uids: Sequence[int], returned: AbstractSet[str] | None, partial: Partial | None) -> Sequence[int]:
    """Those of a result that are told, or saved: with MIN or MAX alone only these (RFC 5182 §2.1, RFC 7162 §3.1.5)."""
    if returned is None or returned & _WITH_ALL:
        return uids
    ends = ([uids[0]] if uids and "MIN" in returned else []) + ([uids[-1]] if uids and "MAX" in returned else [])
    if partial is not None:
        return sorted({*ends, *partial_of(uids, partial)})
    return sorted(set(ends)) if returned & {"MIN", "MAX"} else uids
