"""Fixed parts of records that follow each other.

Records that were made one after the other have rising ids. Reading what lies between two ids costs less than looking
each of them up, as long as little lies there that nobody asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from pillarbox.storage.database import Connection

_LENGTH = 1_000  # ids that are looked for in one reading
_FEW = 32  # are looked up one by one
_MOST = 2  # so many times as many rows as are wanted are read


def parts_in_runs(
    db: Connection, table: str, account: str, type: str, ids: Sequence[str], name: str
) -> dict[str, bytes]:
    """One fixed part of those of these records that are found in passing, by id; the others have to be looked up."""
    out: dict[str, bytes] = {}
    if len(ids) < _FEW or list(ids) != sorted(ids):
        return out
    for start in range(0, len(ids), _LENGTH):
        wanted = ids[start : start + _LENGTH]
        found = _between(db, table, account, type, wanted, name)
        out = out | found if out else found
        if 2 * len(found) < len(wanted):  # they are among many others: the rest will be so, too
            break
    return out


def _between(db: Connection, table: str, account: str, type: str, ids: Sequence[str], name: str) -> dict[str, bytes]:
    sql = (
        f"SELECT id, body FROM {table} WHERE account = ? AND type = ? AND name = ? AND id >= ? AND id <= ? ORDER BY id"
        " LIMIT ?"
    )
    found: dict[str, bytes] = dict(db.rows(sql, (account, type, name, ids[0], ids[-1], _MOST * len(ids))))  # type: ignore[arg-type]
    if list(found) == ids:
        return found
    wanted = set(ids)
    return {id: body for id, body in found.items() if id in wanted}
