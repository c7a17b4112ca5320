"""A mark in a database that it is being filled, by a restore or a move, and is not whole; and what makes it empty."""

from __future__ import annotations

from collections.abc import Iterator

from pillarbox.storage.database import Connection
from pillarbox.storage.removal import remove_step


def unfinished(db: Connection) -> str | None:
    """What was being taken in and did not come to its end."""
    row = db.row("SELECT what FROM unfinished")
    return str(row[0]) if row is not None else None


def set_unfinished(db: Connection, what: str | None) -> None:
    """Set the mark, or with None take it away."""
    db.run("DELETE FROM unfinished")
    if what is not None:
        db.run("INSERT INTO unfinished (what) VALUES (?)", (what,))


def is_empty(db: Connection) -> bool:
    """Whether there is no account and no record, not even the directory that every server makes."""
    return _account(db) is None


def empty_step(db: Connection) -> bool:
    """Delete some of all that there is; True when nothing is left."""
    account = _account(db)
    if account is not None:
        remove_step(db, account)
        return False
    db.run("DELETE FROM backup")
    return True


def strays(db: Connection) -> set[str]:
    """Accounts of which there are rows without their own, which comes last: taking them in was broken off."""
    found = {account for table in ("record", "member") for account in _accounts(db, table)}
    return found - {str(id) for (id,) in db.rows("SELECT id FROM account")}


def _accounts(db: Connection, table: str) -> Iterator[str]:
    # DISTINCT would read every row.
    at = ""
    while (row := db.row(f"SELECT MIN(account) FROM {table} WHERE account > ?", (at,))) and row[0] is not None:
        yield (at := str(row[0]))


def _account(db: Connection) -> str | None:
    for sql in (
        "SELECT id FROM account LIMIT 1",
        "SELECT account FROM record LIMIT 1",
        "SELECT account FROM member LIMIT 1",
    ):
        if (row := db.row(sql)) is not None:
            return str(row[0])
    return None
