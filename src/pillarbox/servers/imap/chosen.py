"""The messages that a command is about: from a set of numbers to rows of the store (RFC 9051 §6.4.9)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.email.record import Email
from pillarbox.datatypes.membership import Membership
from pillarbox.datatypes.view import View
from pillarbox.servers.imap.selected import Selected
from pillarbox.wire.imap.message_command import Partial
from pillarbox.wire.imap.sequence_set import SequenceSet

Span = tuple[int, int]  # places in the client's list of messages, from the first to before the second
_SPARSE = 8  # spans with fewer messages each than this are asked for one by one


def choose(selected: Selected, numbers: SequenceSet, *, is_uid: bool, partial: Partial | None = None) -> list[Span]:
    """The places of a set. Raises INVALID_ARGUMENTS for a message number that is not there."""
    try:
        spans = selected.spans(numbers, is_uid=is_uid)
    except IndexError:
        raise Fault(Kind.INVALID_ARGUMENTS, "There is no message of such a number") from None
    return spans if partial is None else within(spans, partial)


def within(spans: Sequence[Span], partial: Partial) -> list[Span]:
    """The part of some places that PARTIAL asks for, from the first or, if negative, from the last (RFC 9394)."""
    first, before = partial.bounded(count(spans))
    out, seen = [], 0
    for start, end in spans:
        cut = max(start, start + first - seen), min(end, start + before - seen)
        if cut[0] < cut[1]:
            out.append(cut)
        seen += end - start
    return out


def count(spans: Sequence[Span]) -> int:
    """How many messages that is."""
    return sum(before - start for start, before in spans)


def batches(spans: Sequence[Span], size: int) -> Iterator[list[Span]]:
    """The same places in lists of at most so many messages each."""
    out, held = [], 0
    for start, before in spans:
        at = start
        while at < before:
            end = min(before, at + size - held)
            out.append((at, end))
            held, at = held + end - at, end
            if held == size:
                yield out
                out, held = [], 0
    if out:
        yield out


def rows_of(view: View, selected: Selected, spans: Sequence[Span], *, since: int = 0) -> list[tuple[int, Membership]]:
    """(message number, row) of the messages at these places that are still there, changed after `since` if given."""
    account, mailbox, uids = selected.place.account, selected.place.id, selected.uids
    if len(spans) > 1 and count(spans) < _SPARSE * len(spans) and not since:
        wanted = [uid for start, before in spans for uid in uids[start:before]]
        return [
            (number, row)
            for row in view.memberships_of(account, mailbox, wanted)
            if (number := selected.number_of(row.uid))
        ]
    out: list[tuple[int, Membership]] = []
    for start, before in spans:
        rows = view.memberships(account, mailbox, uids[start], uids[before - 1], since=since)
        if len(rows) == before - start:  # nothing has come or gone between: they stand in the same order
            out += zip(range(start + 1, before + 1), rows, strict=True)
        else:
            out += [
                (number, row) for row in rows if (number := selected.number_of(row.uid)) and start < number <= before
            ]
    return out


def emails_of(view: View, selected: Selected, spans: Sequence[Span]) -> list[tuple[int, Membership, Email]]:
    """The same of these places, each with its email."""
    account, mailbox, uids = selected.place.account, selected.place.id, selected.uids
    if len(spans) > 1:
        rows = rows_of(view, selected, spans)
        emails = view.get_with_deleted(EMAIL, account, [row.item for _, row in rows])
        return [(number, row, emails[row.item]) for number, row in rows]
    ((start, before),) = spans
    found = view.members(EMAIL, account, mailbox, uids[start], uids[before - 1])
    return [(number, row, email) for row, email in found if (number := selected.number_of(row.uid))]


def uids_at(selected: Selected, spans: Sequence[Span]) -> list[int]:
    """The UIDs at these places."""
    return [uid for start, before in spans for uid in selected.uids[start:before]]
