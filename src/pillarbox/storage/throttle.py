"""Throttles of the outbound queue: buckets that all nodes take from, in the transaction that claims what is sent.

A lane that finds a bucket empty waits for it. When the bucket has something again, as many lanes are woken as may go,
those of the virtual queue that comes first before the others: what waits costs nothing, however much it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pillarbox.core.rate import Bucket, Rate
from pillarbox.datatypes.outbox import NEVER, Entry
from pillarbox.storage import lane_wait
from pillarbox.storage.database import Connection
from pillarbox.storage.lane_entry import Lane

_LONGEST_WAIT_MS = 7 * 86_400_000  # after which a lane is looked at even if nobody wakes it
_BREATH_MS = 250  # between two looks at those who wait for a bucket: a quick one lets a few go at a time
_FORGET_MS = 86_400_000


class Throttle(NamedTuple):
    """What holds mail back: the name of a bucket, how fast it fills, and the rule that has made it."""

    name: str
    rate: Rate
    rule: str = ""


class Throttling(NamedTuple):
    """What a claim asks: the throttles of an entry; and tells when lanes begin to wait for one, until when."""

    of: Callable[[Entry], Sequence[Throttle]]
    waits: Callable[[Throttle, int], None]


class Room(NamedTuple):
    """How many may go now; if none, which throttle they have to wait for."""

    recipients: int
    missing: Throttle | None = None


def mark(throttles: Sequence[Throttle]) -> str:
    """What tells lanes of a destination apart by what holds them back; "" for nothing."""
    if not throttles:
        return ""
    return hashlib.blake2b("\n".join(one.name for one in throttles).encode(), digest_size=12).hexdigest()


def room(db: Connection, throttles: Sequence[Throttle], now_ms: int) -> Room:
    """How many recipients all of the throttles let through now."""
    least = Room(1 << 30)
    latest = -1
    for one in throttles:
        bucket = _bucket(db, one, now_ms)
        if (count := bucket.room(now_ms)) < 1 and bucket.next_ms(now_ms) > latest:
            latest, least = bucket.next_ms(now_ms), Room(0, one)
        elif count < least.recipients:
            least = Room(count)
    return least


def take(db: Connection, throttles: Sequence[Throttle], count: int, now_ms: int) -> None:
    """Take so many out of each bucket."""
    for one in throttles:
        bucket = _bucket(db, one, now_ms).after(count, now_ms)
        db.run(
            "INSERT INTO throttle (name, full_us, step_us, size, next_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name)"
            " DO UPDATE SET full_us = excluded.full_us, step_us = excluded.step_us, size = excluded.size",
            (one.name, *bucket, NEVER),
        )


def wait(db: Connection, lane: Lane, throttle: Throttle, now_ms: int) -> int | None:
    """Have a lane wait for a throttle; until when, if it is the first that does."""
    lane_wait.look_at(db, lane, now_ms + _LONGEST_WAIT_MS, throttle.name)
    bucket = _bucket(db, throttle, now_ms)
    at = bucket.next_ms(now_ms)
    # Written although others may have: a node that wakes those who wait at this moment has to see this one, too.
    row = db.row("SELECT next_at FROM throttle WHERE name = ?", (throttle.name,))
    known = int(str(row[0])) if row is not None else NEVER
    sql = "UPDATE throttle SET full_us = ?, step_us = ?, size = ?, next_at = ? WHERE name = ?"
    db.run(sql, (*bucket, min(known, at), throttle.name))
    return at if known == NEVER else None


def next_at(db: Connection) -> int | None:
    """When there is somebody to wake; None when nobody waits."""
    row = db.row("SELECT MIN(next_at) FROM throttle")
    return None if row is None or row[0] is None or int(str(row[0])) >= NEVER else int(str(row[0]))


def wake(db: Connection, queues: Sequence[str], now_ms: int, most: int = 100) -> None:
    """Wake as many lanes as the buckets that are due let go; the virtual queues in the order in which they go first."""
    sql = "SELECT name, full_us, step_us, size FROM throttle WHERE next_at <= ? ORDER BY next_at LIMIT ?"
    for name, *numbers in db.rows(sql, (now_ms, most)):
        bucket = Bucket(*(int(str(number)) for number in numbers)).at(now_ms)
        left = min(bucket.room(now_ms), most)
        for queue in queues:
            left -= lane_wait.wake(db, str(name), queue, left, now_ms) if left else 0
        at = NEVER
        if lane_wait.is_waited_for(db, str(name)):
            # Not when the next may go if these all do: some may have to wait for something else as well.
            breath = max(1, min(_BREATH_MS, bucket.step_us * bucket.size // 2000))
            at = max(bucket.next_ms(now_ms), now_ms + breath)
        db.run("UPDATE throttle SET next_at = ? WHERE name = ?", (at, str(name)))


def held_until(db: Connection, lane: Lane) -> tuple[str, int] | None:
    """(name, time) of the throttle that a lane waits for, and when that lets somebody go; None for none."""
    sql = (
        "SELECT t.name, t.next_at FROM lane l JOIN throttle t ON t.name = l.waits_for"
        " WHERE l.queue = ? AND l.destination = ? AND l.throttle = ?"
    )
    row = db.row(sql, lane)
    return (str(row[0]), int(str(row[1]))) if row is not None else None


def tidy(db: Connection, now_ms: int) -> None:
    """Wake whoever was forgotten, and drop buckets that have been full for a while: one that is not there is full."""
    waited_for = "SELECT waits_for FROM lane WHERE waits_for <> ''"
    db.run(f"UPDATE throttle SET next_at = ? WHERE next_at = ? AND name IN ({waited_for})", (now_ms, NEVER))
    db.run("DELETE FROM throttle WHERE next_at = ? AND full_us < ?", (NEVER, (now_ms - _FORGET_MS) * 1000))


def _bucket(db: Connection, throttle: Throttle, now_ms: int) -> Bucket:
    row = db.row("SELECT full_us FROM throttle WHERE name = ?", (throttle.name,))
    return throttle.rate.bucket._replace(full_us=int(str(row[0])) if row is not None else 0).at(now_ms)
