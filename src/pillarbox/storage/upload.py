"""Blobs that nobody holds: uploads and what destroyed records have left. They have a quota and a time (RFC 8620 §6)."""

from __future__ import annotations

from collections.abc import Sequence

from pillarbox.storage import blob_reference
from pillarbox.storage.database import Connection


def pending_use(db: Connection, account: str) -> tuple[int, int]:
    """(count, octets) of the account's pending blobs."""
    row = db.row("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM blob WHERE account = ? AND pending = 1", (account,))
    assert row is not None
    return int(str(row[0])), int(str(row[1]))


def oldest_pending(db: Connection, account: str, limit: int) -> list[tuple[str, int]]:
    """(id, size) of the account's pending blobs, those first that were wanted the longest ago."""
    sql = "SELECT id, size FROM blob WHERE account = ? AND pending = 1 ORDER BY stored_at, id LIMIT ?"
    return db.rows(sql, (account, limit))  # type: ignore[return-value]


def drop_pending(db: Connection, account: str, blobs: Sequence[str]) -> int:
    """Forget pending blobs, but none that is held after all; returns how many went."""
    gone = 0
    for blob in blobs:
        if blob_reference.references(db, account, blob, limit=1):
            db.run("UPDATE blob SET pending = 0 WHERE account = ? AND id = ?", (account, blob))
            continue
        db.run("DELETE FROM blob WHERE account = ? AND id = ? AND pending = 1", (account, blob))
        gone += 1
    return gone


def expired(db: Connection, before_ms: int, limit: int) -> list[tuple[str, str]]:
    """(account, id) of pending blobs in all accounts that were last wanted before a time, the oldest first."""
    sql = "SELECT account, id FROM blob WHERE pending = 1 AND stored_at < ? ORDER BY stored_at LIMIT ?"
    return db.rows(sql, (before_ms, limit))  # type: ignore[return-value]
