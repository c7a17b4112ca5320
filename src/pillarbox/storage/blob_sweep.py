"""Large blobs that no row refers to: marked first, deleted an hour later if still nobody wants them.

Listing, looking for rows and deleting are no one step, least of all with several nodes. What makes them safe is the
mark: whoever comes to want a marked blob takes the mark away and writes the octets anew, in the transaction that adds
the row; whoever deletes holds the mark's row meanwhile. So one of the two waits for the other. Whoever wants a blob
that was not marked has made sure of it at most `SETTLED_SECONDS` ago, and a mark set since then deletes nothing for
longer than that. A mark outlives the deletion by the same hour, for those who saw the blob just before it.
"""

from __future__ import annotations

from collections.abc import Iterable

from pillarbox.storage.blob import BlobStore, Stored
from pillarbox.storage.database import Connection

GRACE_MS = 3_600_000


def unmark(db: Connection, blob: str) -> bool:
    """Take the mark away; whether there was one."""
    return db.row("DELETE FROM unwanted_blob WHERE id = ? RETURNING id", (blob,)) is not None


def unwanted(db: Connection, page: Iterable[Stored], before: float) -> list[str]:
    """The names of those that were written before a time, in seconds since 1970, and that no row refers to."""
    old = [stored.name for stored in page if stored.written_at < before]
    return [name for name in old if not _is_wanted(db, name)]


def mark(db: Connection, names: Iterable[str], now_ms: int) -> None:
    """Mark what seems to be wanted no more; a mark that is there stays as old as it is."""
    sql = "INSERT INTO unwanted_blob (id, since, gone) VALUES (?, ?, 0) ON CONFLICT (id) DO NOTHING"
    for name in names:
        db.run(sql, (name, now_ms))


def remove_marked(db: Connection, blobs: BlobStore, now_ms: int, limit: int) -> tuple[int, int]:
    """(how many marks were dealt with, how many blobs were deleted); call again while the first is `limit`."""
    before = now_ms - GRACE_MS
    db.run("DELETE FROM unwanted_blob WHERE gone = 1 AND since <= ?", (before,))
    # An update, so that the rows are held until the end of the transaction.
    sql = (
        "UPDATE unwanted_blob SET gone = 1, since = ? WHERE id IN"
        " (SELECT id FROM unwanted_blob WHERE gone = 0 AND since <= ? ORDER BY id LIMIT ?) RETURNING id"
    )
    marked = [str(id) for (id,) in db.rows(sql, (now_ms, before, limit))]
    deleted = 0
    for name in marked:
        if _is_wanted(db, name):
            unmark(db, name)
        else:
            blobs.remove(name)
            deleted += 1
    return len(marked), deleted


def _is_wanted(db: Connection, name: str) -> bool:
    return db.row("SELECT 1 FROM blob WHERE id = ? AND data IS NULL LIMIT 1", (name,)) is not None
