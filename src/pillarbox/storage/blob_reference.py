"""Who holds which blob: a row in `lookup` for each record that names one, by the blob first, of whatever type.

A blob that nobody holds is pending, as an upload is: it goes away some time after it was last wanted (RFC 8620 §6).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from pillarbox.datatypes.declare import DataType, Record
from pillarbox.datatypes.mark import Mark
from pillarbox.storage import pending
from pillarbox.storage.database import Connection

R = TypeVar("R", bound=Record)
_TYPE = (
    "Blob"  # what stands in the column `type`; `property` has the blob, `value` the type of the record that holds it
)


def follow_blobs(
    db: Connection,
    kind: DataType[R],
    account: str,
    old: R | None,
    new: R | None,
    now_ms: int,
    fresh: set[tuple[str, str]],
) -> None:
    """Keep the references of a record in step with its properties that name blobs.

    `fresh`: (account, blob) of blobs that this transaction has added, and not as pending.
    """
    before, after = named(kind, old), named(kind, new)
    item = (new or old).id  # type: ignore[union-attr]
    for blob in sorted(after - before):
        hold(db, account, blob, kind.name, item, is_fresh=(account, blob) in fresh)
    for blob in sorted(before - after):
        let_go(db, account, blob, kind.name, item, now_ms)
        fresh.discard((account, blob))  # it may be pending now


def hold(db: Connection, account: str, blob: str, holder: str, item: str, *, is_fresh: bool = False) -> None:
    """Note that the item names the blob, which is kept from now on."""
    sql = "INSERT INTO lookup (account, type, property, value, item) VALUES (?, ?, ?, ?, ?)"
    db.run(sql, (account, _TYPE, blob, holder, item))
    if not is_fresh:
        pending.leave(db, account, blob)


def let_go(db: Connection, account: str, blob: str, holder: str, item: str, now_ms: int) -> None:
    """Note that the item names the blob no more. After its last holder it is pending, with its whole time before it.

    RFC 8620 §6: "A blob MUST NOT be deleted during the method call that removed the last reference, so that a client
    can issue a create and a destroy that both reference the blob within the same method call."
    """
    db.run(
        "DELETE FROM lookup WHERE account = ? AND type = ? AND property = ? AND value = ? AND item = ?",
        (account, _TYPE, blob, holder, item),
    )
    if not references(db, account, blob, limit=1):
        pending.enter(db, account, blob, now_ms)


def references(db: Connection, account: str, blob: str, limit: int = -1) -> list[tuple[str, str]]:
    """(type, id) of everything that names the blob."""
    sql = "SELECT value, item FROM lookup WHERE account = ? AND type = ? AND property = ? ORDER BY value, item LIMIT ?"
    return db.rows(sql, (account, _TYPE, blob, limit))  # type: ignore[return-value]


def shown(db: Connection, account: str, blob: str) -> list[tuple[str, str]]:
    """(type, id) of what names the blob, but for hidden records."""
    sql = (
        "SELECT l.value, l.item FROM lookup l LEFT JOIN record r ON r.account = l.account AND r.type = l.value"
        " AND r.id = l.item AND r.destroyed = 2 WHERE l.account = ? AND l.type = ? AND l.property = ? AND r.id IS NULL"
        " ORDER BY l.value, l.item"
    )
    return db.rows(sql, (account, _TYPE, blob))  # type: ignore[return-value]


def find(db: Connection, account: str, holder: str, blobs: Sequence[str]) -> list[tuple[str, str]]:
    """(blob, id) of the records of one type that name one of the blobs."""
    out: list[tuple[str, str]] = []
    for blob in dict.fromkeys(blobs):
        out += [(blob, item) for name, item in references(db, account, stored_id(blob)) if name == holder]
    return out


def stored_id(blob: str) -> str:
    """The id of the stored blob that a reference to a part of it is about."""
    return blob.partition("-")[0]


def named(kind: DataType[R], record: R | None) -> set[str]:
    """The stored blobs that a record names; none for no record."""
    if record is None:
        return set()
    out: set[str] = set()
    for prop in kind.indexed:
        if prop.is_marked(Mark.BLOB):
            value: str | Iterable[str] | None = getattr(record, prop.attribute)
            out.update((value,) if isinstance(value, str) else value or ())
    return {stored_id(blob) for blob in out if blob}
