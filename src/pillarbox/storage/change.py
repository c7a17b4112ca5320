"""What changed since a state: a walk over the records' own columns, in pages (RFC 8620 §5.2).

A token is `base` or `base.modseq.id.top`: the state that is known, how far the walk has come, and the state when it
began. A record that was hidden, as an email is while IMAP alone sees it, comes back with its id: `gaps` says when it
was away, so that it is told as created to those who did not know it, and as updated to all others.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.storage.database import Connection

_TOKEN = re.compile(r"(\d{1,18})(?:\.(\d{1,18})\.([A-Za-z0-9_-]{1,255})(?:\.(\d{1,18}))?)?\Z")


class Token(msgspec.Struct, frozen=True):
    """A parsed state string."""

    base: int
    modseq: int
    id: str = ""
    top: int = 0

    def __str__(self) -> str:
        return f"{self.base}.{self.modseq}.{self.id}.{self.top}" if self.id else str(self.base)


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
    if not found[3]:
        return Token(base, base)
    return Token(base, int(found[2]), found[3], int(found[4] or found[2]))


def bounds(db: Connection, account: str, type: str) -> tuple[int, int]:
    """(floor, highest): changes up to the floor are forgotten; the highest is the type's state."""
    row = db.row(
        "SELECT (SELECT modseq FROM record WHERE account = ? AND type = ? ORDER BY modseq DESC LIMIT 1),"
        " (SELECT modseq FROM floor WHERE account = ? AND type = ?)",
        (account, type, account, type),
    )
    last, low = (0 if value is None else int(str(value)) for value in row or (None, None))
    return low, max(last, low)


def is_settled(db: Connection, account: str, type: str, since: int) -> bool:
    """Whether nothing but counters has changed after a number; not if that is no longer known."""
    row = db.row(
        "SELECT (SELECT 1 FROM record WHERE account = ? AND type = ? AND modseq > ? AND full_modseq > ? LIMIT 1),"
        " (SELECT modseq FROM floor WHERE account = ? AND type = ? AND modseq > ?)",
        (account, type, since, since, account, type, since),
    )
    return row is not None and row == (None, None)


def changes(db: Connection, account: str, type: str, since: str, limit: int) -> Changes:
    """At most `limit` changes after a state. Raises cannotCalculateChanges when the state is too old or not ours."""
    token = parse_token(since)
    low, last = bounds(db, account, type)
    if token.base < low or token.base > last or max(token.modseq, token.top) > last:
        raise Fault(Kind.CANNOT_CALCULATE_CHANGES, "the state is too old, or not one of this account")
    rows = db.rows(
        "SELECT id, created, modseq, full_modseq, destroyed, gaps FROM record WHERE account = ? AND type = ?"
        " AND modseq >= ? AND (modseq > ? OR id > ?) ORDER BY modseq, id LIMIT ?",
        (account, type, token.modseq + (0 if token.id else 1), token.modseq, token.id, limit + 1),
    )
    found = [_Row(*row) for row in rows[:limit]]  # type: ignore[arg-type]
    return _sort_out(found, token, last, has_more=len(rows) > limit)


class _Row(NamedTuple):
    id: str
    created: int
    modseq: int
    full_modseq: int
    destroyed: int
    gaps: str

    def away(self) -> list[tuple[int, int]]:
        """When it was hidden, up to before it was shown again."""
        return [(int(start), int(end)) for start, _, end in (gap.partition("-") for gap in self.gaps.split())]

    def was_there(self, at: int) -> bool:
        """Whether there was such a record at a state, if not after its last change."""
        return self.created <= at and not any(start <= at < end for start, end in self.away())


def _sort_out(rows: list[_Row], token: Token, last: int, *, has_more: bool) -> Changes:
    created: list[str] = []
    updated: list[str] = []
    destroyed: list[str] = []
    counters_only = True
    top = token.top if token.id else last
    for row in rows:
        if row.destroyed:
            if _may_be_known(row, token, top):
                destroyed.append(row.id)
        elif not row.was_there(token.base) or _may_be_forgotten(row, token, top):
            created.append(row.id)
        else:
            updated.append(row.id)
            counters_only = counters_only and row.full_modseq <= token.base
    state = Token(token.base, rows[-1].modseq, rows[-1].id, top) if has_more else Token(last, last)
    return Changes(str(state), has_more, created, updated, destroyed, counters_only and bool(updated))


def _may_be_known(row: _Row, token: Token, top: int) -> bool:
    """Of a record that is gone: what was made and unmade after the cursor was never told of."""
    if row.was_there(token.base):
        return True
    # What went while this walk was under way may have been told of as created by an earlier page: it is taken back.
    return row.modseq > top and row.created <= token.modseq


def _may_be_forgotten(row: _Row, token: Token, top: int) -> bool:
    """Of a record that is there as it was: whether an earlier page of this walk may have told that it was destroyed."""
    return any(token.base < start <= token.modseq and end > top for start, end in row.away())


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
    # What was destroyed while hidden is in the log where it was hidden; a backup may have yet to learn that it is gone.
    gone = "FROM record WHERE account = ? AND type = ? AND destroyed = 1 AND modseq <= ? AND touched <= ?"
    count = db.row(f"SELECT COUNT(*) {gone}", (account, type, before, before))
    db.run(f"DELETE {gone}", (account, type, before, before))
    db.run("DELETE FROM member WHERE account = ? AND type = ? AND removed = 1 AND modseq <= ?", (account, type, before))
    raise_floor(db, account, type, before)
    return int(str(count[0])) if count else 0
