"""Rows of the greylist: who tried to send what to whom, when for the first time, and how often it was let through.

They belong to no account, and may be lost: senders are then asked to come again once more.
"""

from __future__ import annotations

import msgspec

from pillarbox.storage.database import Connection


class Seen(msgspec.Struct, frozen=True):
    """What is known of a digest: times in milliseconds, and how often it passed."""

    first_at: int
    last_at: int
    passed: int


def find(db: Connection, digest: str) -> Seen | None:
    """What is known of a digest."""
    row = db.row("SELECT first_at, last_at, passed FROM greylist WHERE digest = ?", (digest,))
    return Seen(*(int(str(value)) for value in row)) if row is not None else None


def put(db: Connection, digest: str, seen: Seen) -> None:
    """Note what is known of a digest from now on."""
    db.run(
        "INSERT INTO greylist (digest, first_at, last_at, passed) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (digest) DO UPDATE SET first_at = excluded.first_at, last_at = excluded.last_at,"
        " passed = excluded.passed",
        (digest, seen.first_at, seen.last_at, seen.passed),
    )


def forget(db: Connection, waiting_before: int, passed_before: int, limit: int) -> int:
    """Forget who did not come again, and who has not come for long; at most so many. How many there were."""
    rows = db.rows(
        "SELECT digest FROM greylist WHERE last_at < ? AND (passed = 0 OR last_at < ?) LIMIT ?",
        (waiting_before, passed_before, limit),
    )
    for (digest,) in rows:
        db.run("DELETE FROM greylist WHERE digest = ?", (str(digest),))
    return len(rows)
