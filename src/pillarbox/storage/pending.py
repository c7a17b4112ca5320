"""Blobs that nobody holds, and their total, which stands in the account's row so that an upload need not count them.

`blob.pending` and the total change here, by statements that go together, and nowhere else. Whoever takes in rows of
another store counts anew at the end.
"""

from __future__ import annotations

from collections.abc import Iterable

from pillarbox.storage.database import Connection


def use(db: Connection, account: str) -> tuple[int, int]:
    """(count, octets) of the account's pending blobs."""
    row = db.row("SELECT pending_count, pending_octets FROM account WHERE id = ?", (account,))
    return (int(str(row[0])), int(str(row[1]))) if row is not None else (0, 0)


def count(db: Connection, account: str) -> tuple[int, int]:
    """The same, counted: what `use` has to say."""
    row = db.row("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM blob WHERE account = ? AND pending = 1", (account,))
    assert row is not None
    return int(str(row[0])), int(str(row[1]))


def recount(db: Connection, account: str) -> None:
    """Make the total what it is, after rows were written as they were elsewhere."""
    db.run("UPDATE account SET pending_count = ?, pending_octets = ? WHERE id = ?", (*count(db, account), account))


def entered(db: Connection, account: str, size: int) -> None:
    """Note that a row was added for a blob that nobody holds."""
    _add(db, account, 1, size)


def enter(db: Connection, account: str, blob: str, now_ms: int) -> None:
    """Nobody holds the blob any more: it has its whole time before it."""
    sql = "UPDATE blob SET pending = 1, stored_at = ? WHERE account = ? AND id = ? AND pending = 0 RETURNING size"
    if (row := db.row(sql, (now_ms, account, blob))) is not None:
        _add(db, account, 1, int(str(row[0])))


def renew(db: Connection, account: str, blob: str, now_ms: int) -> None:
    """Have the time of a blob that nobody holds begin again; nothing happens to one that is held."""
    sql = "UPDATE blob SET stored_at = ? WHERE account = ? AND id = ? AND pending = 1"
    db.run(sql, (now_ms, account, blob))


def leave(db: Connection, account: str, blob: str) -> None:
    """Somebody holds the blob; nothing happens when it was held before."""
    sql = "UPDATE blob SET pending = 0 WHERE account = ? AND id = ? AND pending = 1 RETURNING size"
    if (row := db.row(sql, (account, blob))) is not None:
        _add(db, account, -1, -int(str(row[0])))


def forget(db: Connection, account: str, blobs: Iterable[str]) -> None:
    """Delete those of the blobs that are pending."""
    sql = "DELETE FROM blob WHERE account = ? AND id = ? AND pending = 1 RETURNING size"
    sizes = [int(str(row[0])) for blob in blobs if (row := db.row(sql, (account, blob))) is not None]
    if sizes:
        _add(db, account, -len(sizes), -sum(sizes))


def _add(db: Connection, account: str, blobs: int, octets: int) -> None:
    db.run(
        "UPDATE account SET pending_count = pending_count + ?, pending_octets = pending_octets + ? WHERE id = ?",
        (blobs, octets, account),
    )
