"""Lanes of the outbound queue: who sends what next, so that nothing is sent twice and nothing that waits costs time.

A lane is what one virtual queue has for one destination under the same throttles. Its `next_at` says when it is worth
a look, so the next message due is found by two short searches in indexes, however much waits for destinations that are
blocked or busy. What is claimed is leased: its `due_at` is the lease's end, so what a killed worker held is due again
by itself.

Lanes follow from the outbox. Where writers run side by side, one may rely on a lane that another is leaving: it is
looked at once more after that, and `rebuild` finds whatever is left.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pillarbox.datatypes.outbox import Entry
from pillarbox.storage import lane_entry, lane_wait, throttle
from pillarbox.storage.database import Connection
from pillarbox.storage.lane_entry import Lane, lane_of
from pillarbox.storage.lane_wait import look_at, place_at
from pillarbox.storage.throttle import Throttling

_LOOKS = 8  # lanes that one claim looks at, which may turn out to be blocked
_AT_ONCE = 100  # lanes that are looked through for empty ones, once one was found to be empty
_LINGER_MS = 5_000  # how long an empty lane stays: writers beside us may have seen it and be about to use it
_PLACE_WAIT_MS = 30_000  # for a place that became free just when somebody else began to wait for it
_REGROUPED = 100  # entries that are put into another lane at a time


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
    throttling: Throttling | None = None


def wake(db: Connection, lane: Lane, at: int) -> None:
    """Have a lane looked at no later than a time. It is written only if that is news: many writers share it."""
    sql = "SELECT next_at, waits_for FROM lane WHERE queue = ? AND destination = ? AND throttle = ?"
    row = db.row(sql, lane)
    if row is None:
        sql = (
            "INSERT INTO lane (queue, destination, throttle, next_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (destination, queue, throttle) DO UPDATE SET next_at = excluded.next_at"
            " WHERE excluded.next_at < lane.next_at AND lane.waits_for = ''"
        )
        db.run(sql, (*lane, at))
    elif int(str(row[0])) > at and not row[1]:
        lane_wait.settle(db, lane, at)


def claim(
    db: Connection, queue: str, now_ms: int, by: Claimer, lease: str, limit_of: Callable[[str], int]
) -> Claim | None:
    """Take the next message that is due in a virtual queue. None: nothing is due, or it was not found yet.

    `limit_of` a destination is how many messages may be on their way to it at a time, in all queues together.
    """
    for _ in range(_LOOKS):
        sql = "SELECT destination, throttle FROM lane WHERE queue = ? AND next_at <= ? ORDER BY next_at LIMIT 1"
        if (row := db.row(sql, (queue, now_ms))) is None:
            return None
        lane = Lane(queue, str(row[0]), str(row[1]))
        if (later := _blocked_until(db, lane.destination, now_ms)) is not None:
            look_at(db, lane, later)
        elif (later := _full_until(db, lane.destination, now_ms, limit_of(lane.destination))) is not None:
            look_at(db, lane, later, place_at(lane.destination))
        elif (found := _try(db, lane, now_ms, by, lease)) is not None:
            return found
        else:  # the place that it has not taken may be another's
            lane_wait.wake(db, place_at(lane.destination), queue, 1, now_ms)
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
    row = db.row("DELETE FROM lease WHERE id = ? RETURNING queue, destination, throttle", (lease,))
    if row is None:
        return
    lane = Lane(*map(str, row))
    at = lane_entry.earliest(db, lane, now_ms)
    lane_wait.settle(db, lane, now_ms + _LINGER_MS if at is None else max(at, now_ms))
    if lane_wait.is_waited_for(db, place := place_at(lane.destination)):
        for queue in queues(db):
            lane_wait.wake(db, place, queue, 1, now_ms)


def move(db: Connection, entry: Entry, to: Lane, due_at: int) -> None:
    """Have an entry wait in another lane. Nobody has it then."""
    sql = (
        "UPDATE outbox SET queue = ?, destination = ?, throttle = ?, due_at = ?, lease = ''"
        " WHERE account = ? AND id = ? RETURNING id"
    )
    if db.row(sql, (*to, due_at, entry.account, entry.id)) is not None:
        wake(db, to, due_at)


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
    """Forget that a destination failed; its lanes are looked at now."""
    if db.row("DELETE FROM destination WHERE name = ? RETURNING name", (destination,)) is not None:
        sql = "UPDATE lane SET next_at = ? WHERE destination = ? AND waits_for = '' AND next_at > ?"
        db.run(sql, (now_ms, destination, now_ms))


def rebuild(db: Connection) -> None:
    """Make every lane that the outbox asks for, and have none looked at too late. Reads an index of all that waits."""
    sql = (
        "SELECT queue, destination, throttle, MIN(due_at) FROM outbox WHERE destination <> ''"
        " GROUP BY queue, destination, throttle"
    )
    for queue, destination, mark, at in db.rows(sql):
        wake(db, Lane(str(queue), str(destination), str(mark)), int(str(at)))


def _try(db: Connection, lane: Lane, now_ms: int, by: Claimer, lease: str) -> Claim | None:
    """Take the next message of a lane, else say when it is worth another look."""
    if (first := lane_entry.first_due(db, lane, now_ms)) is None:
        if (at := lane_entry.earliest(db, lane, now_ms)) is not None:
            look_at(db, lane, at)
        else:
            _put_away(db, lane.queue, now_ms)
        return None
    throttling = by.throttling
    throttles = throttling.of(first) if throttling is not None else ()
    if throttle.mark(throttles) != lane.throttle:
        _regroup(db, lane, now_ms, throttling)
        return None
    if not throttles:
        return _take(db, first, now_ms, by, lease, by.most)
    room = throttle.room(db, throttles, now_ms)
    if room.missing is not None:
        until = throttle.wait(db, lane, room.missing, now_ms)
        if until is not None and throttling is not None:
            throttling.waits(room.missing, until)
        return None
    taken = _take(db, first, now_ms, by, lease, min(by.most, room.recipients))
    throttle.take(db, throttles, len(taken.entries), now_ms)
    return taken


def _put_away(db: Connection, queue: str, now_ms: int) -> None:
    """Take away the empty ones of the lanes that come next: where many ran empty, that is no work for each claim."""
    first = "SELECT queue, destination, throttle FROM lane WHERE queue = ? AND next_at <= ? ORDER BY next_at LIMIT ?"
    waits = (
        "SELECT 1 FROM outbox WHERE queue = l.queue AND destination = l.destination AND throttle = l.throttle"
        " AND destination <> ''"
    )
    empty = f"SELECT l.destination, l.throttle FROM ({first}) l WHERE NOT EXISTS ({waits})"
    db.run(
        f"DELETE FROM lane WHERE queue = ? AND (destination, throttle) IN ({empty})", (queue, queue, now_ms, _AT_ONCE)
    )


def _regroup(db: Connection, lane: Lane, now_ms: int, throttling: Throttling | None) -> None:
    """Put what goes next in a lane into the lanes where its throttles are the settings' of now."""
    for entry in lane_entry.due(db, lane, now_ms, _REGROUPED):
        to = lane._replace(throttle=throttle.mark(throttling.of(entry)) if throttling is not None else "")
        if to != lane:
            move(db, entry, to, entry.due_at)


def _take(db: Connection, first: Entry, now_ms: int, by: Claimer, lease: str, most: int) -> Claim:
    """Lease what is due of a message."""
    ends_at = now_ms + by.lease_ms
    due = lane_entry.of_message(db, first, now_ms, most)
    entries = [msgspec.structs.replace(entry, due_at=ends_at, lease=lease) for entry in due]
    for entry in entries:
        values = (ends_at, lease, entry.account, entry.id)
        db.run("UPDATE outbox SET due_at = ?, lease = ? WHERE account = ? AND id = ?", values)
    lane = lane_of(first)
    db.run(
        "INSERT INTO lease (id, owner, queue, destination, throttle, ends_at) VALUES (?, ?, ?, ?, ?, ?)",
        (lease, by.owner, *lane, ends_at),
    )
    at = lane_entry.earliest(db, lane, now_ms)
    # Not sooner than now: the other lanes come first, and so all take turns.
    look_at(db, lane, max(now_ms, at or ends_at))
    return Claim(lease, ends_at, entries)


def _blocked_until(db: Connection, destination: str, now_ms: int) -> int | None:
    """When a destination that is down may be tried again; None: now."""
    row = db.row("SELECT blocked_until FROM destination WHERE name = ?", (destination,))
    return until if row is not None and (until := int(str(row[0]))) > now_ms else None


def _full_until(db: Connection, destination: str, now_ms: int, limit: int) -> int | None:
    """When to look again for a place at a destination, if nobody says before that there is one; None: there is."""
    all_of_it = "SELECT MIN(ends_at) FROM lease WHERE destination = ?"
    sql = f"SELECT ({all_of_it}), COUNT(*), MIN(ends_at) FROM lease WHERE destination = ? AND ends_at > ?"
    oldest, count, ends_at = db.row(sql, (destination, destination, now_ms)) or (None, 0, None)
    if oldest is not None and int(str(oldest)) <= now_ms:
        db.run("DELETE FROM lease WHERE destination = ? AND ends_at <= ?", (destination, now_ms))
    if int(str(count)) < max(limit, 1):
        return None
    return min(int(str(ends_at)), now_ms + _PLACE_WAIT_MS)
