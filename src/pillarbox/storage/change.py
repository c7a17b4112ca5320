"""What changed since a state: a walk over the records' own columns, in pages (RFC 8620 §5.2).

A token is `base` or `base.modseq.id`: the state where the walk began, and how far it has come.
"""

from __future__ import annotations

import re

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.storage.database import Connection

_TOKEN = re.compile(r"(\d{1,18})(?:\.(\d{1,18})\.([A-Za-z0-9_-]{1,255}))?\Z")


class Token(msgspec.Struct, frozen=True):
    """A parsed state string."""

    base: int
    modseq: int
    id: str = ""

    def __str__(self) -> str:
        return f"{self.base}.{self.modseq}.{self.id}" if self.id else str(self.base)


class Changes(msgspec.Struct, frozen=True):
    """One page of changes; `counters_only` when every updated record differs in nothing but its counters."""

    new_state: str
    has_more: bool
    created: list[str]
    updated: list[str]
    destroyed: list[str]
    counters_only: bool


def parse_token(text: str) -> Token:
    """A state string as a token. Raises cannotCalculateChanges for what no server ever gave."""
    if not (found := _TOKEN.match(text)):
        raise Fault(Kind.CANNOT_CALCULATE_CHANGES, "this is not a state of this server")
    base = int(found[1])
    return Token(base, int(found[2]), found[3]) if found[3] else Token(base, base)


def bounds(db: Connection, account: str, type: str) -> tuple[int, int]:
    """(floor, highest): changes up to the floor are forgotten; the highest is the type's state."""
    row = db.row(
        "SELECT (SELECT modseq FROM record WHERE account = ? AND type = ? ORDER BY modseq DESC LIMIT 1),"
        " (SELECT modseq FROM floor WHERE account = ? AND type = ?)",
        (account, type, account, type),
    )
    last, low = (0 if value is None else int(str(value)) for value in row or (None, None))
    return low, max(last, low)


def changes(db: Connection, account: str, type: str, since: str, limit: int) -> Changes:
    """At most `limit` changes after a state. Raises cannotCalculateChanges when the state is too old or not ours."""
    token = parse_token(since)
    low, last = bounds(db, account, type)
    if token.base < low or token.base > last or token.modseq > last:
        raise Fault(Kind.CANNOT_CALCULATE_CHANGES, "the state is too old, or not one of this account")
    rows = db.rows(
        "SELECT id, created, modseq, full_modseq, destroyed FROM record WHERE account = ? AND type = ?"
        " AND modseq >= ? AND (modseq > ? OR id > ?) ORDER BY modseq, id LIMIT ?",
        (account, type, token.modseq + (0 if token.id else 1), token.modseq, token.id, limit + 1),
    )
    return _sort_out(rows[:limit], token, last, has_more=len(rows) > limit)


def _sort_out(rows: list[tuple[object, ...]], token: Token, last: int, *, has_more: bool) -> Changes:
    created: list[str] = []
    updated: list[str] = []
    destroyed: list[str] = []
    counters_only = True
    for id, created_at, _, full_modseq, gone in rows:
        assert isinstance(id, str)
        assert isinstance(created_at, int)
        if gone:
            # What was made and unmade after the cursor was never told of; what an earlier page told of must be taken
            # back.
            if created_at <= token.modseq:
                destroyed.append(id)
        elif created_at > token.base:
            created.append(id)
        else:
            updated.append(id)
            counters_only = counters_only and full_modseq <= token.base  # type: ignore[operator]
    state = Token(token.base, rows[-1][2], rows[-1][0]) if has_more else Token(last, last)  # type: ignore[arg-type]
    return Changes(str(state), has_more, created, updated, destroyed, counters_only and bool(updated))


def raise_floor(db: Connection, account: str, type: str, modseq: int) -> None:
    """Say that changes up to a number are no longer known; a floor is never lowered."""
    db.run(
        "INSERT INTO floor (account, type, modseq) VALUES (?, ?, ?)"
        " ON CONFLICT (account, type) DO UPDATE SET modseq = excluded.modseq WHERE floor.modseq < excluded.modseq",
        (account, type, modseq),
    )


def purge(db: Connection, account: str, type: str, before: int) -> int:
    """Forget destroyed records up to a number and raise the floor to it; returns how many were forgotten."""
    before = min(before, bounds(db, account, type)[1])  # the floor is a state: it never runs ahead
    count = db.row(
        "SELECT COUNT(*) FROM record WHERE account = ? AND type = ? AND destroyed = 1 AND modseq <= ?",
        (account, type, before),
    )
    db.run(
        "DELETE FROM record WHERE account = ? AND type = ? AND destroyed = 1 AND modseq <= ?", (account, type, before)
    )
    db.run("DELETE FROM member WHERE account = ? AND type = ? AND removed = 1 AND modseq <= ?", (account, type, before))
    raise_floor(db, account, type, before)
    return int(str(count[0])) if count else 0
