"""Which backups a store began: an older copy of it, or another store, does not know the newest ones."""

from __future__ import annotations

from pillarbox.storage.database import Connection
from pillarbox.storage.migration import steps

_KEPT = 1_000


def begun(db: Connection) -> set[str]:
    """The ids of the backups that this store knows."""
    return {str(id) for (id,) in db.rows("SELECT id FROM backup")}


def begin(db: Connection, id: str, now_ms: int) -> None:
    """Note that a backup begins, before its last snapshot is taken; the oldest notes go."""
    db.run("INSERT INTO backup (id, started_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING", (id, now_ms))
    db.run(
        "DELETE FROM backup WHERE id NOT IN (SELECT id FROM backup ORDER BY started_at DESC, id DESC LIMIT ?)",
        (_KEPT,),
    )


def newest_schema() -> int:
    """The number of the schema that this version writes."""
    return max(number for number, *_ in steps("sqlite"))
