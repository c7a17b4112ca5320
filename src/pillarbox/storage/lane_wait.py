"""Lanes that are due and have to wait for something that others give back: a place at a destination, a throttle.

Who waits is not looked at again and again, but woken when there is something: one lane for each that may go, those that
have waited the longest first.
"""

from __future__ import annotations

from pillarbox.storage.database import Connection
from pillarbox.storage.lane_entry import Lane

_PLACE = "place "


def place_at(destination: str) -> str:
    """What a lane waits for whose destination has as many messages on their way as it may."""
    return _PLACE + destination


def look_at(db: Connection, lane: Lane, at: int, waits_for: str = "") -> None:
    """Have a lane looked at at a time, in milliseconds since 1970, unless what it waits for is there before."""
    sql = "UPDATE lane SET next_at = ?, waits_for = ? WHERE queue = ? AND destination = ? AND throttle = ?"
    db.run(sql, (at, waits_for, *lane))


def settle(db: Connection, lane: Lane, at: int) -> None:
    """The same, unless it waits for something."""
    sql = "UPDATE lane SET next_at = ? WHERE queue = ? AND destination = ? AND throttle = ? AND waits_for = ''"
    db.run(sql, (at, *lane))


def wake(db: Connection, what: str, queue: str, most: int, now_ms: int) -> int:
    """Wake lanes of a virtual queue that wait for something, those first that have waited the longest; how many."""
    sql = (
        "SELECT destination, throttle FROM lane WHERE waits_for = ? AND waits_for <> '' AND queue = ?"
        " ORDER BY next_at LIMIT ?"
    )
    found = db.rows(sql, (what, queue, most))
    for destination, throttle in found:
        look_at(db, Lane(queue, str(destination), str(throttle)), now_ms)
    return len(found)


def is_waited_for(db: Connection, what: str) -> bool:
    """Whether any lane waits for it."""
    return db.row("SELECT 1 FROM lane WHERE waits_for = ? AND waits_for <> '' LIMIT 1", (what,)) is not None


def wake_all(db: Connection, now_ms: int) -> None:
    """Have all that wait looked at: what they wait for may not be there any more, since the settings are others."""
    db.run("UPDATE lane SET next_at = ?, waits_for = '' WHERE waits_for <> ''", (now_ms,))
