"""Membership of records in containers, kept in step with the property that names the containers."""

from __future__ import annotations

from typing import TypeVar

from pillarbox.datatypes.declare import DataType, Members, Record
from pillarbox.storage.container import next_uid
from pillarbox.storage.database import Connection, Value

R = TypeVar("R", bound=Record)


def words_column(words: object) -> str:
    """Words as one column keeps them: sorted, between spaces, so that ` word ` finds one."""
    listed = sorted(words)  # type: ignore[call-overload]
    return f" {' '.join(listed)} " if listed else ""


def follow_members(
    db: Connection, kind: DataType[R], account: str, old: R | None, new: R | None, number: int, now_ms: int
) -> set[str]:
    """Add, change and remove the member rows of a record whose containers or carried values changed.

    Returns the containers whose own number has yet to be written.
    """
    declared = kind.members
    assert declared is not None
    before = set(getattr(old, declared.attribute)) if old is not None else set()
    after = set(getattr(new, declared.attribute)) if new is not None else set()
    item = (new or old).id  # type: ignore[union-attr]
    for container in before - after:
        db.run(
            "UPDATE member SET removed = 1, modseq = ?, words = ''"
            " WHERE account = ? AND container = ? AND item = ? AND removed = 0",
            (number, account, container, item),
        )
    if new is None:
        return before
    carried = _carried(declared, new)
    for container in after - before:
        _add(db, kind, account, container, item, number, (*carried, now_ms))
    if old is None or _carried(declared, old) == carried:
        return before - after
    _update(db, account, before & after, item, number, _carried(declared, old), carried)
    return before


def _update(
    db: Connection,
    account: str,
    containers: set[str],
    item: str,
    number: int,
    old: tuple[Value, ...],
    new: tuple[Value, ...],
) -> None:
    where = " WHERE account = ? AND container = ? AND item = ? AND removed = 0"
    for container in containers:
        if old[:-1] == new[:-1]:  # the order stays: its index need not be touched
            db.run(f"UPDATE member SET modseq = ?, words = ?{where}", (number, new[-1], account, container, item))
        else:
            sets = "modseq = ?, sort_key = ?, group_id = ?, size = ?, words = ?"
            db.run(f"UPDATE member SET {sets}{where}", (number, *new, account, container, item))


def _carried(declared: Members, record: Record) -> tuple[Value, ...]:
    words = words_column(declared.words(record))
    return declared.sort_key(record), declared.group(record), declared.size(record), words


def _add(
    db: Connection, kind: DataType[R], account: str, container: str, item: str, number: int, carried: tuple[Value, ...]
) -> None:
    uid = next_uid(db, account, container, number)
    db.run(
        "INSERT INTO member (account, container, uid, item, type, created, modseq, sort_key, group_id, size, words,"
        " saved_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (account, container, uid, item, kind.name, number, number, *carried),
    )
