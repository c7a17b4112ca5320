"""What is stored beside a record: fixed parts, the row of its index table, and a document of the text index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pillarbox.datatypes.declare import DataType, Extra, Record
from pillarbox.storage import part
from pillarbox.storage.database import Connection

R = TypeVar("R", bound=Record)
Text = tuple[int, str, Mapping[str, str] | None]  # document, account, text by column; None: the document goes


def follow_index_table(
    db: Connection, kind: DataType[R], account: str, old: R | None, new: R | None, extra: Extra
) -> list[Text]:
    """Write what changes beside the record; returns what the text index has to learn."""
    if new is not None and extra.parts:
        part.add(db, account, kind.name, new.id, extra.parts, kind.ordered_parts)
    if not kind.index_table:
        return []
    if new is None:
        assert old is not None
        return _remove(db, kind.index_table, account, old.id)
    if old is None:
        return _add(db, kind.index_table, {"account": account, "id": new.id, **kind.index_columns(new)}, extra)
    before = kind.index_columns(old)
    # Only what changed: an index is rewritten when a column of it is named.
    columns = {name: value for name, value in kind.index_columns(new).items() if value != before[name]}
    if columns:
        sets = ", ".join(f"{name} = ?" for name in columns)
        sql = f"UPDATE {kind.index_table} SET {sets} WHERE account = ? AND id = ?"
        db.run(sql, [*columns.values(), account, new.id])
    return []


def _remove(db: Connection, table: str, account: str, id: str) -> list[Text]:
    row = db.row(f"DELETE FROM {table} WHERE account = ? AND id = ? RETURNING doc", (account, id))
    return [(int(str(row[0])), account, None)] if row is not None else []


def _add(db: Connection, table: str, own: Mapping[str, str | int], extra: Extra) -> list[Text]:
    columns = {**extra.columns, **own}
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    row = db.row(f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING doc", list(columns.values()))
    if extra.text is None or row is None:
        return []
    return [(int(str(row[0])), str(own["account"]), extra.text)]
