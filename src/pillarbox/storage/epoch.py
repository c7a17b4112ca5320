"""A lost future is closed off: an account goes on from a number past all that clients may know.

After a restore from a backup, and after the machine lost its power with something read and not yet on stable storage.
"""

from __future__ import annotations

from collections.abc import Iterable

from pillarbox.datatypes.registry import TYPES
from pillarbox.storage.change import bounds, purge
from pillarbox.storage.database import Connection

_EPOCH_SECONDS = 1_577_836_800  # 2020-01-01
_NUMBERS_PER_SECOND = 20  # bits
_LEAP = 1 << 32
_COMMIT_UIDS = 1_000  # more than one commit gives out
_BACKUP_UIDS = 1 << 20  # more than a container gives out between a backup and its restore


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


def skip_uids(db: Connection, account: str) -> None:
    """Go on from uids past those that were given out after the rows were dumped (RFC 9051 §2.3.1.1)."""
    db.run("UPDATE container SET next_uid = next_uid + ? WHERE account = ?", (_BACKUP_UIDS, account))


def _types(db: Connection, account: str) -> set[str]:
    return {str(type) for (type,) in db.rows("SELECT DISTINCT type FROM record WHERE account = ?", (account,))}


def begin_epochs(db: Connection, now_ms: int) -> int:
    """Begin an epoch in every account of the store; returns how many there are."""
    types = [kind.name for kind in TYPES]
    accounts = [str(id) for (id,) in db.rows("SELECT id FROM account ORDER BY id")]
    for account in accounts:
        begin_epoch(db, account, types, now_ms)
    # Uids were given out that the containers do not remember.
    db.run("UPDATE container SET next_uid = next_uid + ?", (_COMMIT_UIDS,))
    return len(accounts)
