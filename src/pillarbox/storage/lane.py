"""Lanes of the outbound queue: who sends what next, so that nothing is sent twice and nothing that waits costs time.

A lane is what one virtual queue has for one destination. Its `next_at` says when it is worth a look, so the next
message due is found by two short searches in indexes, however much waits for destinations that are blocked or busy.
What is claimed is leased: its `due_at` is the lease's end, so what a killed worker held is due again by itself.

Lanes follow from the outbox. Where writers run side by side, one may rely on a lane that another is leaving: it is
looked at once more after that, and `rebuild` finds whatever is left.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pillarbox.datatypes.outbox import Entry
from pillarbox.storage.database import Connection

_COLUMNS = "account, id, due_at, kind, item, body, blob, queue, destination, rank, message, lease"
_LANE = "queue = ? AND destination = ? AND destination <> ''"  # the last for the planner: the index is a partial one
_LOOKS = 16  # lanes that one claim looks at, which may turn out to be blocked
_LINGER_MS = 5_000  # how long an empty lane stays: writers beside us may have seen it and be about to use it


class Claim(msgspec.Struct, frozen=True):
    """Recipients of one message at one destination that are ours until the lease ends, in milliseconds since 1970."""

    lease: str
    ends_at: int
    entries: list[Entry]


class Claimer(msgspec.Struct, frozen=True):
    """Who claims: `owner` is told to administrators, `lease_ms` how long without a renewal it is believed to live."""

    owner: str
    lease_ms: int
    most: int = 100  # recipients in a claim: RFC 5321 §4.5.3.1.8 has every server take that many


def wake(db: Connection, queue: str, destination: str, at: int) -> None:
    """Have a lane looked at no later than a time. It is written only if that is news: many writers share it."""
    row = db.row("SELECT next_at FROM lane WHERE destination = ? AND queue = ?", (destination, queue))
    if row is None:
        sql = (
            "INSERT INTO lane (destination, queue, next_at) VALUES (?, ?, ?) ON CONFLICT (destination, queue) DO UPDATE"
        )
        db.run(f"{sql} SET next_at = excluded.next_at WHERE excluded.next_at < lane.next_at", (destination, queue, at))
    elif int(str(row[0])) > at:
        _look_at(db, queue, destination, at)


def claim(
    db: Connection, queue: str, now_ms: int, by: Claimer, lease: str, limit_of: Callable[[str], int]
) -> Claim | None:
    """Take the next message that is due in a virtual queue. None: nothing is due, or it was not found yet.

    `limit_of` a destination is how many messages may be on their way to it at a time, in all queues together.
    """
    for _ in range(_LOOKS):
        sql = "SELECT destination FROM lane WHERE queue = ? AND next_at <= ? ORDER BY next_at LIMIT 1"
        if (row := db.row(sql, (queue, now_ms))) is None:
            return None
        destination = str(row[0])
        if (later := _blocked_until(db, destination, now_ms, limit_of(destination))) is not None:
            _look_at(db, queue, destination, later)
        elif (first := _first_due(db, queue, destination, now_ms)) is not None:
            return _take(db, first, now_ms, by, lease)
        elif (at := _earliest(db, queue, destination)) is not None:
            _look_at(db, queue, destination, at)
        else:
            db.run("DELETE FROM lane WHERE destination = ? AND queue = ?", (destination, queue))
    return None


def next_at(db: Connection, queue: str) -> int | None:
    """When a claim is worth while again; None when the virtual queue is empty."""
    row = db.row("SELECT MIN(next_at) FROM lane WHERE queue = ?", (queue,))
    return None if row is None or row[0] is None else int(str(row[0]))


def queues(db: Connection) -> list[str]:
    """The virtual queues that have lanes."""
    out: list[str] = []
    while (row := db.row("SELECT MIN(queue) FROM lane WHERE queue > ?", (out[-1] if out else "",))) and row[0]:
        out.append(str(row[0]))
    return out


def running(db: Connection, queue: str, now_ms: int) -> int:
    """How many messages of a virtual queue are on their way."""
    row = db.row("SELECT COUNT(*) FROM lease WHERE queue = ? AND ends_at > ?", (queue, now_ms))
    return int(str(row[0])) if row else 0


def renew(db: Connection, claim: Claim, ends_at: int) -> bool:
    """Keep a claim for longer; whether it is still ours. If not, we were taken for dead: stop sending."""
    if db.row("UPDATE lease SET ends_at = ? WHERE id = ? RETURNING id", (ends_at, claim.lease)) is None:
        return False
    for entry in claim.entries:
        values = (ends_at, entry.account, entry.id, claim.lease)
        db.run("UPDATE outbox SET due_at = ? WHERE account = ? AND id = ? AND lease = ?", values)
    return True


def is_held(db: Connection, lease: str) -> bool:
    """Whether a lease is still there: another claim takes those away that have ended."""
    return db.row("SELECT 1 FROM lease WHERE id = ?", (lease,)) is not None


def release(db: Connection, lease: str, now_ms: int) -> None:
    """End a lease when its entries are dealt with, and let others have the place."""
    row = db.row("DELETE FROM lease WHERE id = ? RETURNING destination", (lease,))
    if row is not None:
        settle(db, str(row[0]), now_ms)


def settle(db: Connection, destination: str, now_ms: int) -> None:
    """Look at what waits for a destination when it is due, whatever was thought of it before."""
    for (name,) in db.rows("SELECT queue FROM lane WHERE destination = ? ORDER BY queue", (destination,)):
        at = _earliest(db, str(name), destination)
        _look_at(db, str(name), destination, now_ms + _LINGER_MS if at is None else max(at, now_ms))


def move(db: Connection, entry: Entry, destination: str, due_at: int) -> None:
    """Have an entry wait at another destination. Nobody has it then."""
    sql = "UPDATE outbox SET destination = ?, due_at = ?, lease = '' WHERE account = ? AND id = ? RETURNING id"
    if db.row(sql, (destination, due_at, entry.account, entry.id)) is not None:
        wake(db, entry.queue, destination, due_at)


def block(db: Connection, destination: str, until: int, failures: int, reason: str) -> None:
    """Send nothing to a destination for a while."""
    sql = (
        "INSERT INTO destination (name, failures, blocked_until, reason) VALUES (?, ?, ?, ?) ON CONFLICT (name)"
        " DO UPDATE SET failures = excluded.failures, blocked_until = excluded.blocked_until, reason = excluded.reason"
    )
    db.run(sql, (destination, failures, until, reason))


def failures(db: Connection, destination: str) -> int:
    """How often in a row a destination could not be used."""
    row = db.row("SELECT failures FROM destination WHERE name = ?", (destination,))
    return int(str(row[0])) if row else 0


def unblock(db: Connection, destination: str, now_ms: int) -> None:
    """Forget that a destination failed; its lanes are looked at when they are due."""
    if db.row("DELETE FROM destination WHERE name = ? RETURNING name", (destination,)) is not None:
        settle(db, destination, now_ms)


def rebuild(db: Connection) -> None:
    """Make every lane that the outbox asks for, and have none looked at too late. Reads an index of all that waits."""
    sql = "SELECT queue, destination, MIN(due_at) FROM outbox WHERE destination <> '' GROUP BY queue, destination"
    for queue, destination, at in db.rows(sql):
        wake(db, str(queue), str(destination), int(str(at)))


def _take(db: Connection, first: Entry, now_ms: int, by: Claimer, lease: str) -> Claim:
    sql = (
        f"SELECT {_COLUMNS} FROM outbox WHERE message = ? AND message <> '' AND destination = ?"
        " AND queue = ? AND due_at <= ? LIMIT ?"
    )
    key = (first.message, first.destination, first.queue, now_ms, by.most)
    ends_at = now_ms + by.lease_ms
    due = sorted((Entry(*row) for row in db.rows(sql, key)), key=lambda entry: entry.id)  # type: ignore[arg-type]
    entries = [msgspec.structs.replace(entry, due_at=ends_at, lease=lease) for entry in due]
    for entry in entries:
        values = (ends_at, lease, entry.account, entry.id)
        db.run("UPDATE outbox SET due_at = ?, lease = ? WHERE account = ? AND id = ?", values)
    db.run(
        "INSERT INTO lease (id, owner, queue, destination, ends_at) VALUES (?, ?, ?, ?, ?)",
        (lease, by.owner, first.queue, first.destination, ends_at),
    )
    at = _earliest(db, first.queue, first.destination)
    # Not sooner than now: the other lanes come first, and so all take turns.
    _look_at(db, first.queue, first.destination, max(now_ms, at or ends_at))
    return Claim(lease, ends_at, entries)


def _blocked_until(db: Connection, destination: str, now_ms: int, limit: int) -> int | None:
    """When a destination may be used again; None: now."""
    row = db.row("SELECT blocked_until FROM destination WHERE name = ?", (destination,))
    if row is not None and (until := int(str(row[0]))) > now_ms:
        return until
    db.run("DELETE FROM lease WHERE destination = ? AND ends_at <= ?", (destination, now_ms))
    row = db.row("SELECT COUNT(*), MIN(ends_at) FROM lease WHERE destination = ?", (destination,))
    return int(str(row[1])) if row is not None and int(str(row[0])) >= max(limit, 1) else None


def _look_at(db: Connection, queue: str, destination: str, at: int) -> None:
    db.run("UPDATE lane SET next_at = ? WHERE destination = ? AND queue = ?", (at, destination, queue))


def _ranks(db: Connection, queue: str, destination: str) -> list[int]:
    out: list[int] = []
    least = -1_000
    while row := db.row(f"SELECT MIN(rank) FROM outbox WHERE {_LANE} AND rank > ?", (queue, destination, least)):
        if row[0] is None:
            break
        least = int(str(row[0]))
        out.append(least)
    return out


def _first_due(db: Connection, queue: str, destination: str, now_ms: int) -> Entry | None:
    for rank in _ranks(db, queue, destination):
        sql = f"SELECT {_COLUMNS} FROM outbox WHERE {_LANE} AND rank = ? AND due_at <= ? ORDER BY due_at LIMIT 1"
        if (row := db.row(sql, (queue, destination, rank, now_ms))) is not None:
            return Entry(*row)  # type: ignore[arg-type]
    return None


def _earliest(db: Connection, queue: str, destination: str) -> int | None:
    found = []
    for rank in _ranks(db, queue, destination):
        sql = f"SELECT MIN(due_at) FROM outbox WHERE {_LANE} AND rank = ?"
        if (row := db.row(sql, (queue, destination, rank))) is not None and row[0] is not None:
            found.append(int(str(row[0])))
    return min(found, default=None)
