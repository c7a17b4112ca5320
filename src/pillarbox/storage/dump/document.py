"""Which emails of an account the text index does not have."""

from __future__ import annotations

from pillarbox.storage.chunk import chunks
from pillarbox.storage.database import Connection

_LIMIT = 5_000


def unindexed(db: Connection, account: str) -> list[tuple[int, str]]:
    """(document, email) of emails that the text index lacks, the first of them."""
    out: list[tuple[int, str]] = []
    for marks, values in chunks(db.texts.missing(db, account, _LIMIT)):
        sql = f"SELECT doc, id FROM email_index WHERE account = ? AND id IN ({marks})"
        out += db.rows(sql, (account, *values))  # type: ignore[arg-type]
    return sorted(out)
