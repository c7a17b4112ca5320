"""The outbound queue as administrators see it: pages of entries, in the order in which they are due."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pillarbox.datatypes.outbox import Entry
from pillarbox.storage.database import Connection
from pillarbox.storage.lane_entry import COLUMNS

_PAGE = 500


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries; None is any."""

    account: str | None = None
    queue: str | None = None
    destination: str | None = None
    item: str | None = None


def entries(db: Connection, kind: str, wanted: Wanted) -> Iterator[Entry]:
    """The entries of a kind that are wanted, those due first at first; read page by page."""
    conditions, values = ["kind = ?"], [kind]
    for column in ("account", "queue", "destination", "item"):
        if (value := getattr(wanted, column)) is not None:
            conditions.append(f"{column} = ?")
            values.append(value)
    after: tuple[int, str, str] = (-1, "", "")
    where = " AND ".join(conditions)
    sql = (
        f"SELECT {COLUMNS} FROM outbox WHERE {where} AND due_at >= ? AND (due_at, account, id) > (?, ?, ?)"
        f" ORDER BY due_at, account, id LIMIT {_PAGE}"
    )
    while True:
        page = [Entry(*row) for row in db.rows(sql, (*values, after[0], *after))]  # type: ignore[arg-type]
        yield from page
        if len(page) < _PAGE:
            return
        after = (page[-1].due_at, page[-1].account, page[-1].id)


def throttled(db: Connection, kind: str, before: int) -> Iterator[Entry]:
    """The entries that a throttle may hold back and that were due before a time, the longest due first."""
    after: tuple[int, str, str] = (-1, "", "")
    sql = (
        f"SELECT {COLUMNS} FROM outbox WHERE kind = ? AND due_at >= ? AND due_at <= ? AND throttle <> ''"
        f" AND (due_at, account, id) > (?, ?, ?) ORDER BY due_at, account, id LIMIT {_PAGE}"
    )
    while True:
        page = [Entry(*row) for row in db.rows(sql, (kind, after[0], before, *after))]  # type: ignore[arg-type]
        yield from page
        if len(page) < _PAGE:
            return
        after = (page[-1].due_at, page[-1].account, page[-1].id)


def entry(db: Connection, kind: str, account: str, id: str) -> Entry | None:
    """One entry."""
    row = db.row(f"SELECT {COLUMNS} FROM outbox WHERE account = ? AND id = ? AND kind = ?", (account, id, kind))
    return Entry(*row) if row is not None else None  # type: ignore[arg-type]


def is_leased(db: Connection, entry: Entry, now_ms: int) -> bool:
    """Whether somebody is sending it at the moment."""
    return bool(entry.lease) and (
        db.row("SELECT 1 FROM lease WHERE id = ? AND ends_at > ?", (entry.lease, now_ms)) is not None
    )


def blocked(db: Connection, destination: str, now_ms: int) -> tuple[int, str] | None:
    """Until when nothing is sent to a destination, and why; None when nothing is in the way."""
    row = db.row(
        "SELECT blocked_until, reason FROM destination WHERE name = ? AND blocked_until > ?", (destination, now_ms)
    )
    return (int(str(row[0])), str(row[1])) if row is not None else None
