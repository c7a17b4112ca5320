"""What ends taking in an account: rows of the past that no later item named go."""

from __future__ import annotations

from typing import NamedTuple

from pillarbox.storage import pending
from pillarbox.storage.change import purge
from pillarbox.storage.chunk import chunks
from pillarbox.storage.database import Connection

_PAGE = 500


class Missing(NamedTuple):
    """A record, or an entry of the outbox, whose blob is not there."""

    type: str
    id: str
    blob: str


def finish(db: Connection, account: str) -> list[Missing]:
    """Forget blobs that nobody holds and no tail named, and what was purged; returns what lacks its blob."""
    db.run("DELETE FROM blob WHERE account = ? AND pending = 2", (account,))
    _drop_unheld(db, account)
    pending.recount(db, account)
    for type, floor in db.rows("SELECT type, modseq FROM floor WHERE account = ?", (account,)):
        purge(db, account, str(type), int(str(floor)))
    rows = db.rows(
        "SELECT l.value, l.item, l.property FROM lookup l"
        " LEFT JOIN blob b ON b.account = l.account AND b.id = l.property"
        " WHERE l.account = ? AND l.type = 'Blob' AND b.id IS NULL ORDER BY l.value, l.item",
        (account,),
    )
    return [Missing(*row) for row in rows]  # type: ignore[arg-type]


def _drop_unheld(db: Connection, account: str) -> None:
    """In pages by key, as one statement would be a join whose plan hangs on statistics that do not exist by now."""
    at = ""
    sql = "SELECT id FROM blob WHERE account = ? AND pending = 0 AND id > ? ORDER BY id LIMIT ?"
    while ids := [str(id) for (id,) in db.rows(sql, (account, at, _PAGE))]:
        for marks, values in chunks(ids):
            held = f"SELECT property FROM lookup WHERE account = ? AND type = 'Blob' AND property IN ({marks})"
            unheld = {*values} - {id for (id,) in db.rows(held, (account, *values))}
            for id in sorted(map(str, unheld)):
                db.run("DELETE FROM blob WHERE account = ? AND id = ?", (account, id))
        at = ids[-1]
