"""SENTBEFORE, SENTON and SENTSINCE: the day in the Date field, whatever its zone (RFC 9051 §6.4.4)."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime

import msgspec

from pillarbox.datatypes import condition as c
from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.view import View

_DAY_MS = 86_400_000
_ZONES_MS = 15 * 3_600_000  # no zone is further from UTC


class _Sent(msgspec.Struct, rename="camel"):
    sent_at: str | None = None


_decode = msgspec.json.Decoder(_Sent).decode


def sent_uids(view: View, account: str, mailbox: str, relation: str, day: date) -> AbstractSet[int]:
    """The UIDs of the messages whose Date is on the day (`=`), before (`<`) or on or after it (`>=`).

    The index knows moments; of messages near midnight the day is read as it was written.
    """
    start = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
    starts, ends = start, start + _DAY_MS
    out: set[int] = set()
    if relation == "<":
        out |= _between(view, account, mailbox, 1, starts - _ZONES_MS)
        unsure = [(starts - _ZONES_MS, starts + _ZONES_MS)]
    elif relation == ">=":
        out |= _between(view, account, mailbox, starts + _ZONES_MS, None)
        unsure = [(starts - _ZONES_MS, starts + _ZONES_MS)]
    else:
        unsure = [(starts - _ZONES_MS, ends + _ZONES_MS)]
    for low, high in unsure:
        uids = sorted(_between(view, account, mailbox, low, high))
        rows = view.memberships_of(account, mailbox, uids)
        listings = view.parts(EMAIL, account, [row.item for row in rows], "listing")
        for row in rows:
            written = _day_of(listings.get(row.item))
            if written is not None and _holds(written, relation, day):
                out.add(row.uid)
    return out


def _between(view: View, account: str, mailbox: str, low: int, high: int | None) -> set[int]:
    # 0 is kept for a message without a date, which is on no day.
    parts: list[c.Condition] = [c.Compare("sent_at", ">=", low), c.Compare("sent_at", ">", 0)]
    if high is not None:
        parts.append(c.Compare("sent_at", "<", high))
    return set(view.select_uids(EMAIL, account, mailbox, c.Every(tuple(parts))))


def _day_of(listing: bytes | None) -> date | None:
    sent_at = _decode(listing).sent_at if listing is not None else None
    try:
        return date.fromisoformat(sent_at[:10]) if sent_at is not None else None
    except ValueError:
        return None


def _holds(written: date, relation: str, day: date) -> bool:
    return written < day if relation == "<" else written >= day if relation == ">=" else written == day
