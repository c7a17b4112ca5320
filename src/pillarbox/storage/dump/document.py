"""Which documents of the text index belong to an account's emails."""

from __future__ import annotations

from pillarbox.storage.database import Connection

_CHUNK = 100


def documents(db: Connection, account: str, after: int) -> list[tuple[int, str]]:
    """(document, email) of the next emails of an account, by document."""
    sql = "SELECT doc, id FROM email_index WHERE account = ? AND doc > ? ORDER BY doc LIMIT ?"
    return db.rows(sql, (account, after, _CHUNK))  # type: ignore[return-value]
