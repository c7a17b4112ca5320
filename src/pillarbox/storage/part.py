"""Fixed parts of records: what never changes, written once with the record.

Parts that are read of many records in a row are kept in the order of ids (`ordered_part`), where nothing else lies
between them. What was written before there was that table is moved there in steps; until then it is in `part`, where
all other parts are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from pillarbox.storage.chunk import chunks
from pillarbox.storage.database import Connection
from pillarbox.storage.part_run import parts_in_runs

_STEP = 200  # parts that one transaction moves


def add(
    db: Connection,
    account: str,
    type: str,
    id: str,
    parts: Mapping[str, bytes],
    ordered: Collection[str] = (),
    *,
    anew: bool = False,
) -> None:
    """Write the parts of a record; `ordered` are the names of those that its type wants to have in order.

    `anew`: they take the place of those that are there already.
    """
    end = " ON CONFLICT (account, type, name, id) DO UPDATE SET body = excluded.body" if anew else ""
    for table, names in (
        ("part", [name for name in parts if name not in ordered]),
        ("ordered_part", [name for name in parts if name in ordered]),
    ):
        if names:
            rows = ", ".join(["(?, ?, ?, ?, ?)"] * len(names))
            values = [v for name in names for v in (account, type, id, name, parts[name])]
            db.run(f"INSERT INTO {table} (account, type, id, name, body) VALUES {rows}{end}", values)


def remove(db: Connection, account: str, type: str, id: str, ordered: Collection[str] = ()) -> None:
    """Delete all parts of a record."""
    db.run("DELETE FROM part WHERE account = ? AND type = ? AND id = ?", (account, type, id))
    if ordered:
        names = sorted(ordered)
        marks = ", ".join("?" * len(names))
        sql = f"DELETE FROM ordered_part WHERE account = ? AND type = ? AND name IN ({marks}) AND id = ?"
        db.run(sql, (account, type, *names, id))


def read(
    db: Connection, account: str, type: str, ids: Sequence[str], name: str, *, is_ordered: bool
) -> dict[str, bytes]:
    """One part of those of these records that have it, by id."""
    out: dict[str, bytes] = {}
    for table in ("ordered_part", "part") if is_ordered else ("part",):
        missing = [id for id in ids if id not in out] if out else ids
        found = parts_in_runs(db, table, account, type, missing, name)
        out = out | found if out else found
        if len(out) == len(ids):
            break
        for marks, values in chunks([id for id in missing if id not in out]):
            sql = f"SELECT id, body FROM {table} WHERE account = ? AND type = ? AND name = ? AND id IN ({marks})"
            out.update(db.rows(sql, (account, type, name, *values)))  # type: ignore[arg-type]
    return out


def read_all(
    db: Connection, account: str, type: str, ids: Sequence[str], ordered: Collection[str] = ()
) -> dict[str, tuple[tuple[str, bytes], ...]]:
    """All parts of these records, as (name, octets) in the order of names."""
    found: dict[str, dict[str, bytes]] = {}
    for marks, values in chunks(ids):
        sql = f"SELECT id, name, body FROM part WHERE account = ? AND type = ? AND id IN ({marks})"
        rows = db.rows(sql, (account, type, *values))
        for name in ordered:
            where = f"account = ? AND type = ? AND name = ? AND id IN ({marks})"
            sql = f"SELECT id, name, body FROM ordered_part WHERE {where}"
            rows += db.rows(sql, (account, type, name, *values))
        for id, part, body in rows:
            found.setdefault(str(id), {})[str(part)] = body  # type: ignore[assignment]
    return {id: tuple(sorted(parts.items())) for id, parts in found.items()}


def unordered(db: Connection) -> str | None:
    """An account of which parts are still to be moved."""
    row = db.row("SELECT account FROM unordered_part ORDER BY account LIMIT 1")
    return str(row[0]) if row is not None else None


def order_step(db: Connection, account: str) -> None:
    """Move some parts of an account to where they are kept in order. The caller is the account's only writer."""
    row = db.row("SELECT type, name, after FROM unordered_part WHERE account = ? LIMIT 1", (account,))
    if row is None:
        return
    type, name, after = map(str, row)
    rest = "FROM part WHERE account = ? AND type = ? AND name = ? AND id > ?"
    ids = db.rows(f"SELECT id {rest} ORDER BY id LIMIT ?", (account, type, name, after, _STEP))
    if ids:
        last = str(ids[-1][0])
        some = (account, type, name, after, last)
        db.run(
            f"INSERT INTO ordered_part (account, type, name, id, body) SELECT account, type, name, id, body {rest}"
            " AND id <= ? ON CONFLICT DO NOTHING",
            some,
        )
        db.run(f"DELETE {rest} AND id <= ?", some)
        db.run(
            "UPDATE unordered_part SET after = ? WHERE account = ? AND type = ? AND name = ?",
            (last, account, type, name),
        )
    if len(ids) < _STEP:
        db.run("DELETE FROM unordered_part WHERE account = ? AND type = ? AND name = ?", (account, type, name))
