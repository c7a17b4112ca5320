"""What waits in a lane, in the order in which it goes: by rank, then by when it is due; by searches in an index."""

from __future__ import annotations

from typing import NamedTuple

from pillarbox.datatypes.outbox import Entry
from pillarbox.storage.database import Connection

COLUMNS = "account, id, due_at, kind, item, body, blob, queue, destination, rank, message, lease, throttle"
# The last condition is for the planner: the index is a partial one.
_HERE = "queue = ? AND destination = ? AND throttle = ? AND destination <> ''"


class Lane(NamedTuple):
    """What one virtual queue has for one destination under the same throttles; `throttle` is "" for none."""

    queue: str
    destination: str
    throttle: str = ""


def lane_of(entry: Entry) -> Lane:
    """Where an entry waits."""
    return Lane(entry.queue, entry.destination, entry.throttle)


def ranks(db: Connection, lane: Lane) -> list[int]:
    """The ranks that something waits with, those that go first at first."""
    out: list[int] = []
    least = -1_000
    while row := db.row(f"SELECT MIN(rank) FROM outbox WHERE {_HERE} AND rank > ?", (*lane, least)):
        if row[0] is None:
            break
        least = int(str(row[0]))
        out.append(least)
    return out


def head(db: Connection, lane: Lane) -> Entry | None:
    """What goes next in the best rank, due or not: nearly always it is due, and what goes next of all."""
    row = db.row(f"SELECT {COLUMNS} FROM outbox WHERE {_HERE} ORDER BY rank, due_at LIMIT 1", lane)
    return None if row is None else Entry(*row)  # type: ignore[arg-type]


def first_due(db: Connection, lane: Lane, now_ms: int) -> Entry | None:
    """What goes next of what is due."""
    found = head(db, lane)
    if found is None or found.due_at <= now_ms:
        return found
    return next(iter(due(db, lane, now_ms, 1)), None)


def due(db: Connection, lane: Lane, now_ms: int, most: int) -> list[Entry]:
    """What goes next of what is due, and after that."""
    sql = f"SELECT {COLUMNS} FROM outbox WHERE {_HERE} AND rank = ? AND due_at <= ? ORDER BY due_at LIMIT ?"
    out: list[Entry] = []
    for rank in ranks(db, lane):
        rows = db.rows(sql, (*lane, rank, now_ms, most - len(out)))
        out += [Entry(*row) for row in rows]  # type: ignore[arg-type]
        if len(out) >= most:
            break
    return out


def earliest(db: Connection, lane: Lane, now_ms: int) -> int | None:
    """When the first is due, or any time that has passed if something is due now; None when nothing waits."""
    first = head(db, lane)
    if first is None or first.due_at <= now_ms:
        return None if first is None else first.due_at
    found = []
    for rank in ranks(db, lane):
        row = db.row(f"SELECT MIN(due_at) FROM outbox WHERE {_HERE} AND rank = ?", (*lane, rank))
        if row is not None and row[0] is not None:
            found.append(int(str(row[0])))
    return min(found, default=None)


def of_message(db: Connection, first: Entry, now_ms: int, most: int) -> list[Entry]:
    """What is due of the same message in the same lane, by id."""
    sql = (
        f"SELECT {COLUMNS} FROM outbox WHERE message = ? AND message <> '' AND destination = ?"
        " AND queue = ? AND throttle = ? AND due_at <= ? LIMIT ?"
    )
    key = (first.message, first.destination, first.queue, first.throttle, now_ms, most)
    return sorted((Entry(*row) for row in db.rows(sql, key)), key=lambda entry: entry.id)  # type: ignore[arg-type]
