"""A digest of all that an account has, to compare two stores: the same rows give the same, on any engine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import msgspec

from pillarbox.datatypes.registry import TYPES
from pillarbox.storage.database import Connection
from pillarbox.storage.dump.item import BLOB, CONTAINER, INDEX, MEMBER, OUTBOX, RECORD

_CHUNK = 500
_BITS = 256
_encode = msgspec.msgpack.Encoder().encode
_PART = "type, id, name, body"
# Table -> its key after the account, and its columns.
_TABLES = {
    "record": (("type", "id"), f"type, {RECORD}"),
    "part": (("type", "id", "name"), _PART),
    "ordered_part": (("type", "name", "id"), _PART),
    "member": (("container", "uid"), MEMBER),
    "container": (("id",), CONTAINER),
    "lookup": (("type", "property", "value", "item"), "type, property, value, item"),
    "floor": (("type",), "type, modseq"),
    "blob": (("id",), BLOB),
    "outbox": (("id",), OUTBOX),
    **{table: (("id",), f"id, {', '.join(columns)}") for table, columns in INDEX.items()},
}
# Parts that whoever misses them makes again: those of a store that was restored before they were made are none.
_DERIVED = sorted((kind.name, name) for kind in TYPES for name in kind.derived_parts)
_OTHERS = "".join([" AND NOT (type = ? AND name = ?)"] * len(_DERIVED))
_LEFT_OUT = {
    table: (_OTHERS, tuple(value for pair in _DERIVED for value in pair)) for table in ("part", "ordered_part")
}
# Which of these a part stands in may differ, as for one that has not been moved yet: it is the same part.
_SAME = {"ordered_part": "part"}


class AccountDigest(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows an account has in each table, but for derived parts, and the sum of all rows' digests."""

    modseq: int
    counts: dict[str, int]
    digest: str


def account_digest(db: Connection, account: str) -> AccountDigest:
    """Read all rows of an account but its texts. The order of rows does not matter: engines sort in their own ways."""
    row = db.row("SELECT modseq, epoch FROM account WHERE id = ?", (account,))
    total = _number("account", row or ())
    counts: dict[str, int] = {}
    for table, (key, columns) in _TABLES.items():
        name = _SAME.get(table, table)
        counts.setdefault(name, 0)
        for values in _rows(db, account, table, key, columns):
            counts[name] += 1
            total += _number(name, values)
    modseq = int(str(row[0])) if row is not None else 0
    return AccountDigest(modseq=modseq, counts=counts, digest=f"{total % (1 << _BITS):064x}")


def counts(db: Connection, account: str) -> dict[str, int]:
    """How many rows an account has in each table, but for derived parts."""
    out: dict[str, int] = {}
    for table in _TABLES:
        others, left_out = _LEFT_OUT.get(table, ("", ()))
        row = db.row(f"SELECT COUNT(*) FROM {table} WHERE account = ?{others}", (account, *left_out))
        name = _SAME.get(table, table)
        out[name] = out.get(name, 0) + (int(str(row[0])) if row is not None else 0)
    return out


def _rows(db: Connection, account: str, table: str, key: Sequence[str], columns: str) -> Iterator[tuple[object, ...]]:
    names, marks = ", ".join(key), ", ".join("?" * len(key))
    # Row values compare by their first difference; the least of each type is before all.
    others, left_out = _LEFT_OUT.get(table, ("", ()))
    sql = (
        f"SELECT {names}, {columns} FROM {table} WHERE account = ?{others} AND ({names}) > ({marks})"
        f" ORDER BY {names} LIMIT ?"
    )
    at: tuple[object, ...] = tuple(-1 if name == "uid" else "" for name in key)
    while rows := db.rows(sql, (account, *left_out, *at, _CHUNK)):  # type: ignore[arg-type]
        for row in rows:
            yield row[len(key) :]
        at = rows[-1][: len(key)]


def _number(table: str, values: Sequence[object]) -> int:
    digest = hashlib.blake2b(_encode([table, *values]), digest_size=_BITS // 8)
    return int.from_bytes(digest.digest(), "big")
