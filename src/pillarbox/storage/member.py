"""Membership of records in containers, kept in step with the property that names the containers."""

from __future__ import annotations

from typing import TypeVar

from pillarbox.datatypes.declare import DataType, Record
from pillarbox.datatypes.membership import Members
from pillarbox.storage.container import next_uid
from pillarbox.storage.database import Connection, Value

R = TypeVar("R", bound=Record)


def words_column(words: object) -> str:
    """Words as one column keeps them: sorted, between spaces, so that ` word ` finds one."""
    listed = sorted(words)  # type: ignore[call-overload]
    return f" {' '.join(listed)} " if listed else ""


LIVE, REMOVED, DELETED = 0, 1, 2  # in member.removed


def places(kind: DataType[R], record: R | None) -> dict[str, int]:
    """The containers of a record, each with whether it is live or deleted there; none for no record."""
    declared = kind.members
    if declared is None or record is None:
        return {}
    out = dict.fromkeys(getattr(record, declared.attribute), LIVE)
    if deleted := getattr(record, declared.deleted):
        out |= dict.fromkeys(deleted, DELETED)
    return out


def follow_members(
    db: Connection,
    kind: DataType[R],
    account: str,
    old: R | None,
    new: R | None,
    number: int,
    now_ms: int,
    given: dict[tuple[str, str, str], int],
) -> set[str]:
    """Add, change and remove the member rows of a record whose containers or carried values changed.

    Returns the containers whose own number has yet to be written. `given`: the uids given out in the transaction, by
    account, container and record.
    """
    assert kind.members is not None
    before, after = places(kind, old), places(kind, new)
    item = (new or old).id  # type: ignore[union-attr]
    moved = set()
    for container in before.keys() - after.keys():
        _set(db, (account, container, item, before[container]), number, "removed = 1, words = ''", ())
        moved.add(container)
        given.pop((account, container, item), None)
    if new is None:
        return moved
    carried = _carried(kind.members, new)
    had = carried if old is None or not before else _carried(kind.members, old)
    for container, place in after.items():
        if container not in before:
            uid = _add(db, kind, account, container, item, number, (place, *carried, now_ms))
            given[account, container, item] = uid
        elif before[container] != place or had != carried:
            sets, values = _changes(had, carried)
            if before[container] != place:
                sets, values = f"{sets}, removed = ?", (*values, place)
            _set(db, (account, container, item, before[container]), number, sets, values)
            moved.add(container)
    return moved


def _changes(old: tuple[Value, ...], new: tuple[Value, ...]) -> tuple[str, tuple[Value, ...]]:
    if old[:-1] == new[:-1]:  # the order stays: its index need not be touched
        return "words = ?", new[-1:]
    return "sort_key = ?, group_id = ?, size = ?, words = ?", new


def _set(db: Connection, where: tuple[str, str, str, int], number: int, sets: str, values: tuple[Value, ...]) -> None:
    account, container, item, place = where
    # The number stands in the statement, for each has an index of its own.
    found = f"account = ? AND container = ? AND item = ? AND removed = {place}"
    db.run(f"UPDATE member SET modseq = ?, {sets} WHERE {found}", (number, *values, account, container, item))


def _carried(declared: Members, record: Record) -> tuple[Value, ...]:
    words = words_column(declared.words(record))
    return declared.sort_key(record), declared.group(record), declared.size(record), words


def _add(
    db: Connection, kind: DataType[R], account: str, container: str, item: str, number: int, carried: tuple[Value, ...]
) -> int:
    uid = next_uid(db, account, container, number)
    db.run(
        "INSERT INTO member (account, container, uid, item, type, created, modseq, removed, sort_key, group_id, size,"
        " words, saved_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (account, container, uid, item, kind.name, number, number, *carried),
    )
    return uid
