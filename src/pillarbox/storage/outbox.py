"""The outbox: entries by the time when they are due, across all accounts.

What an entry needs of the blobs is held for it. What goes to another server is taken by lanes (`lane.py`).
"""

from __future__ import annotations

from pillarbox.datatypes.outbox import Entry
from pillarbox.storage import blob_reference, lane
from pillarbox.storage.database import Connection
from pillarbox.storage.lane_entry import COLUMNS, lane_of

HOLDER = "Outbox"  # the type under which entries hold blobs


def add(db: Connection, entry: Entry) -> None:
    """Put an entry in; its blob is kept for as long as it is there."""
    e = entry
    head = (e.account, e.id, e.due_at, e.kind, e.item, e.body, e.blob)
    values = (*head, e.queue, e.destination, e.rank, e.message, e.lease, e.throttle)
    db.run(f"INSERT INTO outbox ({COLUMNS}) VALUES (?{', ?' * 12})", values)
    if entry.blob:
        blob_reference.hold(db, entry.account, entry.blob, HOLDER, entry.id)
    if entry.destination:
        lane.wake(db, lane_of(entry), entry.due_at)


def due(db: Connection, kind: str, now_ms: int, limit: int) -> list[Entry]:
    """The entries of a kind whose time has come, the longest due first."""
    sql = f"SELECT {COLUMNS} FROM outbox WHERE kind = ? AND due_at <= ? ORDER BY due_at, account, id LIMIT ?"
    return [Entry(*row) for row in db.rows(sql, (kind, now_ms, limit))]  # type: ignore[arg-type]


def next_due(db: Connection, kind: str) -> int | None:
    """When the next entry of a kind is due; None when there is none."""
    row = db.row("SELECT MIN(due_at) FROM outbox WHERE kind = ?", (kind,))
    return None if row is None or row[0] is None else int(str(row[0]))


def of_item(db: Connection, account: str, item: str) -> list[Entry]:
    """The entries that are there for a record, by id."""
    sql = f"SELECT {COLUMNS} FROM outbox WHERE account = ? AND item = ? ORDER BY id"
    return [Entry(*row) for row in db.rows(sql, (account, item))]  # type: ignore[arg-type]


def postpone(db: Connection, entry: Entry, due_at: int, body: bytes) -> bool:
    """Keep an entry for later, with what was learnt; whether it was there. Nobody has it then."""
    sql = "UPDATE outbox SET due_at = ?, body = ?, lease = '' WHERE account = ? AND id = ? RETURNING id"
    if db.row(sql, (due_at, body, entry.account, entry.id)) is None:
        return False
    if entry.destination:
        lane.wake(db, lane_of(entry), due_at)
    return True


def finish(db: Connection, entry: Entry, now_ms: int) -> bool:
    """Take an entry out: its work is done, or not wanted any more; whether it was there."""
    row = db.row("DELETE FROM outbox WHERE account = ? AND id = ? RETURNING id", (entry.account, entry.id))
    if entry.blob and row is not None:
        blob_reference.let_go(db, entry.account, entry.blob, HOLDER, entry.id, now_ms)
    return row is not None
