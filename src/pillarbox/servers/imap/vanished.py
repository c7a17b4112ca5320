"""Which UIDs are gone since a client saw a mailbox last, for VANISHED (EARLIER).

RFC 7162 §3.2.5, §3.2.6, §3.2.10.1.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from pillarbox.datatypes.view import View
from pillarbox.servers.imap.image import Uids
from pillarbox.servers.imap.namespace import Place
from pillarbox.wire.imap.sequence_set import SequenceSet

Ranges = Sequence[tuple[int, int]]  # (first, last), rising


class Mailbox(Protocol):
    """The UIDs that a mailbox holds, and the next one that it gives."""

    @property
    def uids(self) -> Uids: ...
    @property
    def uid_next(self) -> int: ...


def vanished(
    view: View,
    place: Place,
    mailbox: Mailbox,
    known: Ranges | None,
    since: int,
    match: tuple[SequenceSet, SequenceSet] | None = None,
) -> Ranges:
    """What is gone since a modseq, of the UIDs that the client knows, if it says which.

    When the removals that long ago are no longer known, everything in question that is not there, but for what `match`
    shows that the client has right: message numbers, and the UIDs that it believes they have (RFC 7162 §3.2.5.2).
    """
    if since >= view.known_since(place.account):
        gone = view.removed_uids(place.account, place.id, since)
        return list(_runs(uid for uid in gone if known is None or holds(known, uid)))
    right = _right_up_to(mailbox.uids, match) if match is not None else 0
    asked = known if known is not None else [(1, mailbox.uid_next - 1)]
    return list(_absent(mailbox, [(max(first, right + 1), last) for first, last in asked]))


def holds(ranges: Ranges, uid: int) -> bool:
    """Whether one of the ranges holds it."""
    at = bisect_right(ranges, (uid, 1 << 64)) - 1
    return at >= 0 and uid <= ranges[at][1]


def earlier(ranges: Ranges) -> bytes:
    """The untagged response; nothing when nothing is gone."""
    if not ranges:
        return b""
    words = ",".join([f"{first}:{last}" if last > first else str(first) for first, last in ranges])
    return f"* VANISHED (EARLIER) {words}\r\n".encode()


def _absent(mailbox: Mailbox, ranges: Ranges) -> Iterator[tuple[int, int]]:
    """The UIDs in some ranges that a mailbox once had, or may have had, and has not."""
    uids, end = mailbox.uids, mailbox.uid_next - 1
    for first, last in ranges:
        expected, last = first, min(last, end)  # noqa: PLW2901 -- no UID is given beyond
        for at in range(bisect_left(uids, first), bisect_right(uids, last)):
            if uids[at] > expected:
                yield expected, uids[at] - 1
            expected = uids[at] + 1
        if expected <= last:
            yield expected, last


def _right_up_to(uids: Uids, match: tuple[SequenceSet, SequenceSet]) -> int:
    """The highest UID up to which the client's list is ours: where a number has the UID that it believes.

    UIDs only go, so equally many messages up to the same UID are the same messages.
    """
    best = 0
    for number, uid in zip(_each(match[0], len(uids)), _each(match[1], 1 << 32), strict=False):
        if uids[number - 1] == uid:
            best = max(best, uid)
    return best


def _each(numbers: SequenceSet, highest: int) -> Iterator[int]:
    """The numbers of a set as they were written, up to the first beyond the highest there is."""
    for first, last in numbers.ranges:
        for number in range(first, last + 1):
            if number > highest:
                return
            yield number


def _runs(uids: Iterable[int]) -> Iterator[tuple[int, int]]:
    first = last = 0
    for uid in uids:
        if first and uid == last + 1:
            last = uid
            continue
        if first:
            yield first, last
        first = last = uid
    if first:
        yield first, last
