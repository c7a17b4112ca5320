"""Records as rows: their bodies with the numbers that are the change log, and what they are found by."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from pillarbox.datatypes.declare import DataType, Record
from pillarbox.datatypes.mark import Mark
from pillarbox.datatypes.property import Property
from pillarbox.storage import part
from pillarbox.storage.database import Connection

R = TypeVar("R", bound=Record)
_encode = msgspec.json.Encoder().encode


LIVE, DESTROYED, HIDDEN = 0, 1, 2  # in record.destroyed
_MOST_GAPS = 16
_MOST_ROWS = 50  # in one statement


def insert(db: Connection, kind: DataType[R], account: str, new: R, number: int) -> None:
    """Add a record. Raises Conflict when its unique key is taken."""
    db.run(
        "INSERT INTO record (account, type, id, created, modseq, full_modseq, unique_key, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (account, kind.name, new.id, number, number, number, kind.unique_key(new), _encode(new)),
    )
    if not kind.shows(new):
        hide(db, kind, account, new, number)


def update(db: Connection, kind: DataType[R], account: str, new: R, number: int) -> None:
    """Change a record. Raises Conflict when its unique key is taken."""
    db.run(
        "UPDATE record SET body = ?, modseq = ?, full_modseq = ?, unique_key = ?"
        " WHERE account = ? AND type = ? AND id = ?",
        (_encode(new), number, number, kind.unique_key(new), account, kind.name, new.id),
    )


def update_silently(db: Connection, kind: DataType[R], account: str, new: R, number: int) -> None:
    """Change what no client sees of a record: nobody is told, but a backup has to find it."""
    sql = "UPDATE record SET body = ?, touched = ? WHERE account = ? AND type = ? AND id = ?"
    db.run(sql, (_encode(new), number, account, kind.name, new.id))


def hide(db: Connection, kind: DataType[R], account: str, new: R, number: int) -> None:
    """Destroy a record for all who read the change log, and keep it."""
    db.run(
        "UPDATE record SET destroyed = ?, body = ?, modseq = ?, full_modseq = ?, unique_key = NULL"
        " WHERE account = ? AND type = ? AND id = ?",
        (HIDDEN, _encode(new), number, number, account, kind.name, new.id),
    )


def show(db: Connection, kind: DataType[R], account: str, new: R, number: int) -> None:
    """Have a hidden record be a record again. Raises Conflict when its unique key is taken.

    The log has to tell those who knew it before that it was changed, and those who did not that it was created.
    """
    row = db.row(
        "SELECT modseq, gaps FROM record WHERE account = ? AND type = ? AND id = ?", (account, kind.name, new.id)
    )
    assert row is not None
    gaps = [*str(row[1]).split(), f"{row[0]}-{number}"]
    if len(gaps) > _MOST_GAPS:  # whoever knew it between the oldest two is told that it was created, and has it already
        gaps[:2] = [f"{gaps[0].partition('-')[0]}-{gaps[1].partition('-')[2]}"]
    update(db, kind, account, new, number)
    sql = "UPDATE record SET destroyed = ?, gaps = ? WHERE account = ? AND type = ? AND id = ?"
    db.run(sql, (LIVE, " ".join(gaps), account, kind.name, new.id))


def destroy_hidden(db: Connection, kind: DataType[R], account: str, id: str, number: int) -> None:
    """Destroy a record that nobody sees: nobody is told, but a backup has to find it."""
    db.run(
        "UPDATE record SET destroyed = ?, touched = ?, body = x'' WHERE account = ? AND type = ? AND id = ?",
        (DESTROYED, number, account, kind.name, id),
    )
    part.remove(db, account, kind.name, id, kind.ordered_parts)


def destroy(db: Connection, kind: DataType[R], account: str, id: str, number: int) -> None:
    """Leave of a record what the change log needs."""
    db.run(
        "UPDATE record SET destroyed = 1, modseq = ?, full_modseq = ?, unique_key = NULL, body = x''"
        " WHERE account = ? AND type = ? AND id = ?",
        (number, number, account, kind.name, id),
    )
    part.remove(db, account, kind.name, id, kind.ordered_parts)


def existing(db: Connection, kind: DataType[R], account: str, new: R | None) -> dict[str, str]:
    """The id of the record that has the new one's unique key, as a fault tells it."""
    key = kind.unique_key(new) if new is not None else None
    sql = "SELECT id FROM record WHERE account = ? AND type = ? AND unique_key = ?"
    row = db.row(sql, (account, kind.name, key)) if key is not None else None
    return {"existing_id": str(row[0])} if row else {}


def follow_lookup(db: Connection, kind: DataType[R], account: str, old: R | None, new: R | None) -> bool:
    """Keep the values that a record is found by in step with it; whether any of them changed."""
    any_changed = False
    for prop in kind.indexed:
        if prop.is_marked(Mark.BLOB):
            continue
        before, after = _values(old, prop), _values(new, prop)
        if before == after:
            continue
        any_changed = True
        item = (new or old).id  # type: ignore[union-attr]
        for value in before - after:
            db.run(
                "DELETE FROM lookup WHERE account = ? AND type = ? AND property = ? AND value = ? AND item = ?",
                (account, kind.name, prop.name, value, item),
            )
        new_values = sorted(after - before)
        for start in range(0, len(new_values), _MOST_ROWS):
            some = new_values[start : start + _MOST_ROWS]
            rows = ", ".join(["(?, ?, ?, ?, ?)"] * len(some))
            values = [column for value in some for column in (account, kind.name, prop.name, value, item)]
            db.run(f"INSERT INTO lookup (account, type, property, value, item) VALUES {rows}", values)
    return any_changed


def _values(record: Record | None, prop: Property) -> set[str]:
    value = getattr(record, prop.attribute) if record is not None else None
    if value is None:
        return set()
    return {value} if isinstance(value, str) else set(value)


def decoded(kind: DataType[Any], body: bytes) -> Record | None:
    """The record; None for a damaged one, which is carried as it is and told of by `verify-data`."""
    try:
        record: Record = kind.decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return record
