"""Forgetting what was destroyed long ago, and which memberships ended: in steps, so that no step holds others up.

Rows go in the order of their numbers, and the floor rises with them in the same transaction. Whoever asks for changes
since a number below it is told that they cannot be calculated. It is one floor for records and memberships, so that no
protocol says less than it should.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pillarbox.core.ids import id_at
from pillarbox.datatypes.declare import DataType
from pillarbox.storage.change import bounds, raise_floor
from pillarbox.storage.chunk import chunks
from pillarbox.storage.database import Connection

STEP = 500  # rows that one transaction forgets of each kind


def accounts(db: Connection) -> list[str]:
    """The ids of all accounts."""
    return [str(id) for (id,) in db.rows("SELECT id FROM account ORDER BY id")]


def number_at(db: Connection, account: str, kinds: Iterable[DataType[Any]], at_ms: int) -> int:
    """A number that the account had reached at a time: that of the last creation before it, for ids tell the time.

    0 when nothing is left that was made before it.
    """
    sql = "SELECT created FROM record WHERE account = ? AND type = ? AND id >= ? AND id < ? ORDER BY id DESC LIMIT 1"
    found = (db.row(sql, (account, k.name, id_at(k.letter, 0), id_at(k.letter, at_ms))) for k in kinds)
    return max((int(str(row[0])) for row in found if row is not None), default=0)


def due(db: Connection, account: str, kind: DataType[Any], before: int) -> bool:
    """Whether there is something to forget up to a number."""
    return bool(_records(db, account, kind.name, before, 1) or _members(db, account, kind.name, before, 1))


def step(db: Connection, account: str, kind: DataType[Any], before: int, limit: int = STEP) -> bool:
    """Forget some of what was destroyed up to a number, the oldest first; whether there may be more."""
    type = kind.name
    # The state is the number of the newest row, or the floor: it stays when that row goes, and the floor is no newer.
    before = min(before, bounds(db, account, type)[1])
    records = _records(db, account, type, before, limit)
    reached = before if len(records) < limit else records[-1][1]
    members = _members(db, account, type, reached, limit)
    for marks, values in chunks([id for id, _ in records]):
        db.run(f"DELETE FROM record WHERE account = ? AND type = ? AND id IN ({marks})", (account, type, *values))
    for container, uid in members:
        db.run("DELETE FROM member WHERE account = ? AND container = ? AND uid = ?", (account, container, uid))
    raise_floor(db, account, type, reached)
    return limit in (len(records), len(members))


def _records(db: Connection, account: str, type: str, before: int, limit: int) -> list[tuple[str, int]]:
    # What was destroyed while hidden has the number at which it was hidden, and `touched` from its end, which no backup
    # may miss.
    sql = (
        "SELECT id, modseq FROM record WHERE account = ? AND type = ? AND modseq <= ? AND touched <= ?"
        " AND destroyed = 1 ORDER BY modseq, id LIMIT ?"
    )
    return db.rows(sql, (account, type, before, before, limit))  # type: ignore[return-value]


def _members(db: Connection, account: str, type: str, before: int, limit: int) -> list[tuple[str, int]]:
    sql = (
        "SELECT container, uid FROM member WHERE account = ? AND type = ? AND modseq <= ? AND removed = 1"
        " ORDER BY container, modseq LIMIT ?"
    )
    return db.rows(sql, (account, type, before, limit))  # type: ignore[return-value]
