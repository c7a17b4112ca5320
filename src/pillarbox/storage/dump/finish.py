"""What ends taking in an account: rows of the past that no later item named go, and a lost future is closed off."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pillarbox.storage.change import bounds, purge
from pillarbox.storage.database import Connection

_EPOCH_SECONDS = 1_577_836_800  # 2020-01-01
_NUMBERS_PER_SECOND = 20  # bits
_LEAP = 1 << 32


class Missing(NamedTuple):
    """A record, or an entry of the outbox, whose blob is not there."""

    type: str
    id: str
    blob: str


def finish(db: Connection, account: str) -> list[Missing]:
    """Forget blobs that nobody holds and no tail named, and what was purged; returns what lacks its blob."""
    db.run("DELETE FROM blob WHERE account = ? AND pending = 2", (account,))
    db.run(
        "DELETE FROM blob WHERE account = ? AND pending = 0 AND NOT EXISTS (SELECT 1 FROM lookup l"
        " WHERE l.account = blob.account AND l.type = 'Blob' AND l.property = blob.id)",
        (account,),
    )
    for type, floor in db.rows("SELECT type, modseq FROM floor WHERE account = ?", (account,)):
        purge(db, account, str(type), int(str(floor)))
    rows = db.rows(
        "SELECT l.value, l.item, l.property FROM lookup l"
        " LEFT JOIN blob b ON b.account = l.account AND b.id = l.property"
        " WHERE l.account = ? AND l.type = 'Blob' AND b.id IS NULL ORDER BY l.value, l.item",
        (account,),
    )
    return [Missing(*row) for row in rows]  # type: ignore[arg-type]


def first_number_at(now_ms: int) -> int:
    """A number that no account can have reached before this time by counting: 2^20 numbers a second since 2020.

    It stays below 2^53 until the year 2290.
    """
    return max(0, now_ms // 1000 - _EPOCH_SECONDS) << _NUMBERS_PER_SECOND


def begin_epoch(db: Connection, account: str, types: Iterable[str], now_ms: int) -> int:
    """Go on from a number past all that were given out after the rows were dumped, and forget all states before it.

    A client may hold a state from the time that is lost. Were its number given out again, its next question for changes
    would be answered as if it had seen what it has not. So every type's floor is raised to the new number: states from
    before are too old, and the client begins anew (RFC 8620 §5.2: cannotCalculateChanges). Returns the number.
    """
    row = db.row("SELECT modseq FROM account WHERE id = ?", (account,))
    have = int(str(row[0])) if row is not None else 0
    # The leap is for a clock that was set back.
    number = max(first_number_at(now_ms), have + _LEAP)
    db.run("UPDATE account SET modseq = ?, epoch = ? WHERE id = ?", (number, number, account))
    for type in sorted(set(types) | _types(db, account)):
        purge(db, account, type, bounds(db, account, type)[1])
        db.run(
            "INSERT INTO floor (account, type, modseq) VALUES (?, ?, ?)"
            " ON CONFLICT (account, type) DO UPDATE SET modseq = excluded.modseq",
            (account, type, number),
        )
    return number


def _types(db: Connection, account: str) -> set[str]:
    return {str(type) for (type,) in db.rows("SELECT DISTINCT type FROM record WHERE account = ?", (account,))}
