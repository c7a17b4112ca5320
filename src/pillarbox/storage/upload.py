"""Blobs that nobody holds: uploads and what destroyed records have left. They have a quota and a time (RFC 8620 §6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pillarbox.storage import blob_reference
from pillarbox.storage.database import Connection

if TYPE_CHECKING:
    from pillarbox.storage.store import Store


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


def sweep_files(store: Store, written_before: float) -> int:
    """Delete the files of blobs that no row of any account names, when they were written before a time (seconds since 1970).

    A file goes only when its row is gone in what was committed before and in what is being written now: a commit that fails
    brings rows back, and must find their files. Takes the write lock; returns how many files went.
    """
    committed = store.read(lambda view: _in_files(view.db))
    return store.write(lambda tx: _sweep(store, committed | _in_files(tx.db), written_before))


def _sweep(store: Store, wanted: set[str], written_before: float) -> int:
    gone = 0
    for name in store.blobs.names():
        if name not in wanted and store.blobs.written_at(name) < written_before:
            store.blobs.remove(name)
            gone += 1
    return gone


def _in_files(db: Connection) -> set[str]:
    return {str(id) for (id,) in db.rows("SELECT DISTINCT id FROM blob WHERE data IS NULL")}
