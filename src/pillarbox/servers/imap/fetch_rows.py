"""The rows that a FETCH needs, read at the least cost: flags alone, what never changes, or all.

A FETCH of all flags, and one of all envelopes, is what clients begin with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from time import gmtime
from typing import Any, NamedTuple

from pillarbox.datatypes.view import View
from pillarbox.servers.imap.chosen import Span, count
from pillarbox.servers.imap.selected import Selected
from pillarbox.wire.imap.fetch_item import Plain
from pillarbox.wire.imap.response import flags

Row = Sequence[Any]
Column = Callable[[Sequence[Row]], Sequence[object]]
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY_MS = 86_400_000
_MINUTES = [b"%02d:%02d:" % divmod(minute, 60) for minute in range(1440)]
_SECONDS = [b'%02d +0000"' % second for second in range(60)]
_SPARSE = 8  # spans with fewer messages each than this are asked for one by one


class Chosen(NamedTuple):
    """Messages that are still there: their numbers, and a row for each that begins with the uid."""

    numbers: Sequence[int]
    rows: Sequence[Row]


def internal_dates(times: Iterable[int]) -> list[bytes]:
    """Times as INTERNALDATE and SAVEDATE tell them, in UTC (RFC 9051 §9, date-time)."""
    day, minutes, seconds = _day, _MINUTES, _SECONDS
    return [day(time // _DAY_MS) + minutes[time % _DAY_MS // 60_000] + seconds[time % 60_000 // 1000] for time in times]


@lru_cache(1024)
def _day(day: int) -> bytes:
    t = gmtime(day * 86_400)
    return f'"{t[2]:2d}-{_MONTHS[t[1] - 1]}-{t[0]:04d} '.encode()


def _number(at: int) -> Column:
    return lambda rows: [row[at] for row in rows]


def _octets(at: int) -> Column:
    return lambda rows: [row[at].encode() for row in rows]


def _date(at: int) -> Column:
    return lambda rows: internal_dates([row[at] for row in rows])


def _flags(words: int, deleted: int) -> Column:
    def read(rows: Sequence[Row]) -> Sequence[object]:
        known: dict[tuple[str, bool], bytes] = {}
        out = []
        for row in rows:
            key = row[words], row[deleted]
            text = known.get(key)
            if text is None:
                text = known[key] = flags(row[words], is_deleted=bool(row[deleted])).encode()
            out.append(text)
        return out

    return read


class Source(NamedTuple):
    """A way to read rows, and which items can be printed of them."""

    columns: Mapping[Plain, Column]
    read: Callable[[View, str, str, int, int, int], Sequence[Row]]  # account, mailbox, first and last uid, since
    item: int | None = None  # where the email's id stands
    words: int | None = None  # where the keywords stand


FLAGS = Source(
    {Plain.UID: _number(0), Plain.MODSEQ: _number(1), Plain.FLAGS: _flags(2, 3)},
    lambda view, account, mailbox, first, last, since: view.flags(account, mailbox, first, last, since=since),
    words=2,
)
LISTED = Source(
    {
        Plain.UID: _number(0),
        Plain.EMAILID: _octets(1),
        Plain.RFC822_SIZE: _number(2),
        Plain.INTERNALDATE: _date(3),
    },
    lambda view, account, mailbox, first, last, _since: view.listed(account, mailbox, first, last),
    item=1,
)
ALL = Source(
    {
        Plain.UID: _number(0),
        Plain.EMAILID: _octets(1),
        Plain.MODSEQ: _number(2),
        Plain.FLAGS: _flags(3, 8),
        Plain.RFC822_SIZE: _number(4),
        Plain.INTERNALDATE: _date(5),
        Plain.THREADID: _octets(6),
        Plain.SAVEDATE: _date(7),
    },
    lambda view, account, mailbox, first, last, since: view.memberships(account, mailbox, first, last, since=since),
    item=1,
    words=3,
)


def source_for(items: Iterable[Plain], *, has_parts: bool, has_sections: bool, since: int) -> Source:
    """The cheapest source of these items."""
    wanted = set(items)
    if has_sections:
        return ALL
    if has_parts:
        return LISTED if wanted <= LISTED.columns.keys() and not since else ALL
    return FLAGS if wanted <= FLAGS.columns.keys() else ALL


def read_rows(source: Source, view: View, selected: Selected, spans: Sequence[Span], since: int) -> Chosen:
    """The messages at some places that are still there, changed after `since` if that is given."""
    account, mailbox, uids = selected.place.account, selected.place.id, selected.uids
    if source is ALL and len(spans) > 1 and count(spans) < _SPARSE * len(spans) and not since:
        wanted = [uid for start, before in spans for uid in uids[start:before]]
        return _numbered(selected, view.memberships_of(account, mailbox, wanted))
    numbers: list[int] = []
    rows: list[Row] = []
    for start, before in spans:
        found = source.read(view, account, mailbox, uids[start], uids[before - 1], since)
        if len(found) == before - start:  # nothing has come or gone between: they stand in the same order
            numbers += range(start + 1, before + 1)
            rows += found
        else:
            known = _numbered(selected, found)
            numbers += known.numbers
            rows += known.rows
    return Chosen(numbers, rows)


def _numbered(selected: Selected, rows: Iterable[Row]) -> Chosen:
    pairs = [(number, row) for row in rows if (number := selected.number_of(row[0])) is not None]
    return Chosen([number for number, _ in pairs], [row for _, row in pairs])
