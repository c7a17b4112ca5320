"""Membership of records in containers, kept in step with the property that names the containers."""

from __future__ import annotations

from collections.abc import Iterator
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
    uids: dict[tuple[str, str, str], int],
) -> Iterator[tuple[str, bool]]:
    """Add, change and remove the member rows of a record whose containers or carried values changed.

    Yields the containers in which something has changed, and whether it got a new member: then its own numbers are
    written, else its modseq has yet to be. `uids`: those that are known, by account, container and record.
    """
    assert kind.members is not None
    before, after = places(kind, old), places(kind, new)
    item = (new or old).id  # type: ignore[union-attr]
    for container in before.keys() - after.keys():
        uid = uids.pop((account, container, item), None)
        _set(db, (account, container, item, before[container]), uid, number, ("removed = 1, words = ''", ()))
        yield container, False
    if new is None:
        return
    carried = _carried(kind.members, new)
    had = carried if old is None or not before else _carried(kind.members, old)
    for container, place in after.items():
        if container not in before:
            uid = _add(db, kind, account, container, item, number, (place, *carried, now_ms))
            uids[account, container, item] = uid
            yield container, True
        elif before[container] != place or had != carried:
            sets, values = _changes(had, carried)
            if before[container] != place:
                sets, values = f"{sets}, removed = ?", (*values, place)
            uid = uids.get((account, container, item))
            _set(db, (account, container, item, before[container]), uid, number, (sets, values))
            yield container, False


def _changes(old: tuple[Value, ...], new: tuple[Value, ...]) -> tuple[str, tuple[Value, ...]]:
    if old[:-1] == new[:-1]:  # the order stays: its index need not be touched
        return "words = ?", new[-1:]
    return "sort_key = ?, group_id = ?, size = ?, words = ?", new


def _set(
    db: Connection,
    where: tuple[str, str, str, int],
    uid: int | None,
    number: int,
    changes: tuple[str, tuple[Value, ...]],
) -> None:
    """Change the row of a member, which its uid leads to, if that is known, and else its record."""
    account, container, item, place = where
    column, value = ("item", item) if uid is None else ("uid", uid)
    # The number stands in the statement, for each has an index of its own.
    found = f"account = ? AND container = ? AND {column} = ? AND removed = {place}"
    sets, values = changes
    db.run(f"UPDATE member SET modseq = ?, {sets} WHERE {found}", (number, *values, account, container, value))


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
