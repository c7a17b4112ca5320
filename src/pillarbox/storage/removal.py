"""Deleting all that an account has, in steps that do not hold the write lock for long."""

from __future__ import annotations

from pillarbox.storage import part
from pillarbox.storage.chunk import chunks
from pillarbox.storage.database import Connection

_STEP = 500


def remove_step(db: Connection, account: str) -> bool:
    """Delete some of the account's data; True when nothing is left of it. Files of its blobs are left to the sweep."""
    if not part.remove_step(db, account, _STEP):
        return False
    ids = [str(id) for (id,) in db.rows("SELECT id FROM record WHERE account = ? LIMIT ?", (account, _STEP))]
    for marks, values in chunks(ids):
        docs = f"SELECT doc FROM email_index WHERE account = ? AND id IN ({marks})"
        db.texts.remove_all(db, account, docs, (account, *values))
        for table in ("email_index", "part", "record"):
            db.run(f"DELETE FROM {table} WHERE account = ? AND id IN ({marks})", (account, *values))
    if len(ids) == _STEP:
        return False
    for table in ("member", "container", "lookup", "floor", "blob", "outbox", "ticket", "memo", "unordered_part"):
        db.run(f"DELETE FROM {table} WHERE account = ?", (account,))
    db.run("DELETE FROM account WHERE id = ?", (account,))
    return True
