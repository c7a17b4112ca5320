"""Deleting all that an account has, in steps that do not hold the write lock for long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pillarbox.storage.database import Connection, Value

_STEP = 500  # rows of one table
_STEP_OF_BLOBS = 100  # whose octets may be among them
# What follows the account in the key of each table: rows go in its order, so that no step reads what others leave.
_KEYS: Mapping[str, Sequence[str]] = {
    "email_index": ("id",),
    "ordered_part": ("type", "name", "id"),
    "part": ("type", "id", "name"),
    "record": ("type", "id"),
    "member": ("container", "uid"),
    "container": ("id",),
    "lookup": ("type", "property", "value", "item"),
    "floor": ("type",),
    "blob": ("id",),
    "outbox": ("id",),
    "ticket": ("digest",),
    "memo": ("kind", "name"),
    "unordered_part": ("type", "name"),
}


def remove_step(db: Connection, account: str) -> bool:
    """Delete some of the account's data; True when nothing is left of it. Files of its blobs are left to the sweep."""
    for table, keys in _KEYS.items():
        if not _remove_rows(db, account, table, keys):
            return False
    db.run("DELETE FROM account WHERE id = ?", (account,))
    return True


def _remove_rows(db: Connection, account: str, table: str, keys: Sequence[str]) -> bool:
    """Delete the first rows of a table; True when no more are left."""
    step = _STEP_OF_BLOBS if table == "blob" else _STEP
    names = ", ".join(keys)
    own: list[Value] = [account]
    where = "account = ?"
    last = db.row(f"SELECT {names} FROM {table} WHERE {where} ORDER BY {names} LIMIT 1 OFFSET ?", (*own, step - 1))
    if last is not None:
        where += f" AND ({names}) <= ({', '.join('?' * len(keys))})"
        own += last  # type: ignore[arg-type]
    if table == "email_index":
        db.texts.remove_all(db, account, f"SELECT doc FROM email_index WHERE {where}", own)
    db.run(f"DELETE FROM {table} WHERE {where}", own)
    return last is None
