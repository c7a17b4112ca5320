"""Uploads and what destroyed records have left: blobs that have a quota and a time (RFC 8620 §6)."""

from __future__ import annotations

from collections.abc import Sequence

from pillarbox.storage import blob_reference, pending
from pillarbox.storage.database import Connection


def oldest_pending(db: Connection, account: str, limit: int) -> list[tuple[str, int]]:
    """(id, size) of the account's pending blobs, those first that were wanted the longest ago."""
    sql = "SELECT id, size FROM blob WHERE account = ? AND pending = 1 ORDER BY stored_at, id LIMIT ?"
    return db.rows(sql, (account, limit))  # type: ignore[return-value]


def drop_pending(db: Connection, account: str, blobs: Sequence[str]) -> int:
    """Forget pending blobs, but none that is held after all; returns how many are gone."""
    unheld = []
    for blob in blobs:
        if blob_reference.references(db, account, blob, limit=1):
            pending.leave(db, account, blob)
        else:
            unheld.append(blob)
    pending.forget(db, account, unheld)
    return len(unheld)


def expired(db: Connection, before_ms: int, limit: int) -> list[tuple[str, str]]:
    """(account, id) of pending blobs in all accounts that were last wanted before a time, the oldest first."""
    sql = "SELECT account, id FROM blob WHERE pending = 1 AND stored_at < ? ORDER BY stored_at LIMIT ?"
    return db.rows(sql, (before_ms, limit))  # type: ignore[return-value]
