"""What a search has found, and how it is told (RFC 9051 §7.3.4; RFC 9394 §3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from pillarbox.wire.imap.message_command import Partial
from pillarbox.wire.imap.sequence_set import to_set


class Found(NamedTuple):
    """UIDs in the order of the result, and the highest modseq of them if it was asked for."""

    uids: Sequence[int]
    modseq: int

    def words(self, numbers: Sequence[int], returned: AbstractSet[str], partial: Partial | None) -> str:
        """What stands in an ESEARCH after its head; `numbers` are the results as the client numbers them.

        RFC 9051 §7.3.4: of nothing there is no MIN, MAX and ALL, but a COUNT.
        """
        out = ""
        if numbers and "MIN" in returned:
            out += f" MIN {min(numbers)}"
        if numbers and "MAX" in returned:
            out += f" MAX {max(numbers)}"
        if numbers and "ALL" in returned:
            out += f" ALL {to_set(numbers)}"
        if "COUNT" in returned:
            out += f" COUNT {len(numbers)}"
        if partial is not None:
            part = partial_of(numbers, partial)
            out += f" PARTIAL ({partial.first}:{partial.last} {to_set(part) if part else 'NIL'})"
        if self.modseq:
            out += f" MODSEQ {self.modseq}"
        return out


def partial_of(numbers: Sequence[int], partial: Partial) -> Sequence[int]:
    """The part of a result that PARTIAL asks for, counted from its first or, if negative, from its last."""
    start, end = partial.bounded(len(numbers))
    return numbers[start:end]
