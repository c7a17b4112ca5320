"""What an open write transaction knows of the records it has met, and what it writes only at its end.

Counters of mailboxes and quotas, and the numbers of containers, change with every message: among bodies that share a
commit, each is written once.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

import msgspec

from pillarbox.datatypes.declare import Record
from pillarbox.datatypes.membership import Container
from pillarbox.datatypes.remembered import Draft
from pillarbox.storage import change
from pillarbox.storage.database import Connection

_encode = msgspec.json.Encoder().encode
_MAX_RECORDS = 5_000
Kind = tuple[str, str]  # account, name of the type
Place = tuple[str, str]  # account, id of a container
UNKNOWN = object()  # not the same as None: there is no such record


class Late(NamedTuple):
    """A record whose counters have changed, with the number of the change."""

    record: Record
    number: int


class Mark(NamedTuple):
    """What has to come back when a savepoint is undone."""

    numbers: dict[str, int]
    written: dict[str, int]
    late: dict[Kind, dict[str, Late]]
    floors: dict[Kind, int]
    moved: dict[Place, int]


class WorkingSet:
    """Valid from the beginning of a transaction to its end: nobody else writes meanwhile."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}  # account -> the last number taken
        self._written: dict[str, int] = {}  # account -> the number that its row has
        self._records: dict[Kind, dict[str, Record | None]] = {}
        self._late: dict[Kind, dict[str, Late]] = {}
        self._floors: dict[Kind, int] = {}
        self._moved: dict[Place, int] = {}  # the number of the last change in it, yet to be written
        self._containers: dict[Place, Container] = {}
        self._found: dict[Kind, dict[tuple[str, str], list[tuple[str, str]]]] = {}
        self.drafts: dict[Hashable, Draft] = {}
        self._size = 0

    # --- numbers

    def first_number(self, account: str, number: int) -> None:
        """Note the number that the account's row has got."""
        self.numbers[account] = self._written[account] = number

    def next_number(self, account: str) -> int | None:
        """The next number of an account; None when this transaction has taken none of it yet."""
        last = self.numbers.get(account)
        if last is None:
            return None
        self.numbers[account] = last + 1
        return last + 1

    # --- records

    def get(self, kind: Kind, id: str) -> Record | object | None:
        """The record, None when there is none, or `UNKNOWN`."""
        known = self._records.get(kind)
        return UNKNOWN if known is None else known.get(id, UNKNOWN)

    def know(self, kind: Kind, id: str, record: Record | None) -> None:
        """Note what a record is now."""
        if self._size >= _MAX_RECORDS:
            self._forget()
        self._records.setdefault(kind, {})[id] = record
        self._size += 1

    def put_late(self, kind: Kind, record: Record, number: int) -> None:
        """Have a record's change of counters written at the end."""
        self._late.setdefault(kind, {})[record.id] = Late(record, number)

    def drop_late(self, kind: Kind, id: str) -> None:
        """The record is written otherwise."""
        if late := self._late.get(kind):
            late.pop(id, None)

    def raise_floor(self, kind: Kind, number: int) -> None:
        """Have the floor of a type raised at the end: changes up to it cannot be told."""
        self._floors[kind] = number

    def write_late(self, db: Connection, kind: Kind) -> None:
        """Write what is late of one type, before its rows are read."""
        account, name = kind
        if (floor := self._floors.pop(kind, None)) is not None:
            change.raise_floor(db, account, name, floor)
        for id, (record, number) in self._late.pop(kind, {}).items():
            sql = "UPDATE record SET body = ?, modseq = ? WHERE account = ? AND type = ? AND id = ?"
            db.run(sql, (_encode(record), number, account, name, id))

    # --- containers

    def container(self, place: Place) -> Container | None:
        """The numbers of a container as they are now, if they are known."""
        return self._containers.get(place)

    def know_container(self, place: Place, numbers: Container) -> None:
        """Note what they are."""
        self._containers[place] = numbers

    def forget_container(self, place: Place) -> None:
        """They are written otherwise."""
        self._containers.pop(place, None)

    def move_container(self, place: Place, number: int) -> None:
        """Have a container's number written at the end."""
        self._moved[place] = number
        if (known := self._containers.get(place)) is not None:
            self._containers[place] = known._replace(modseq=number)

    def write_containers(self, db: Connection) -> None:
        """Write the numbers of containers, before they are read."""
        for (account, container), number in self._moved.items():
            # What was added since then brought a higher one with it.
            sql = "UPDATE container SET modseq = ? WHERE account = ? AND id = ? AND modseq < ?"
            db.run(sql, (number, account, container, number))
        self._moved = {}

    def finish(self, db: Connection) -> None:
        """Write all that is late, before the commit."""
        self.write_containers(db)
        for kind in {**self._late, **self._floors}:
            self.write_late(db, kind)
        for account, number in self.numbers.items():
            if number != self._written[account]:
                db.run("UPDATE account SET modseq = ? WHERE id = ?", (number, account))
                self._written[account] = number

    # --- what was found by value

    def found(self, kind: Kind, property: str, value: str) -> list[tuple[str, str]] | None:
        """What a search for this value gave before."""
        return self._found.get(kind, {}).get((property, value))

    def know_found(self, kind: Kind, property: str, value: str, result: list[tuple[str, str]]) -> None:
        """Remember what a search gave."""
        self._found.setdefault(kind, {})[property, value] = result

    def forget_found(self, kind: Kind) -> None:
        """A value of some record has changed."""
        self._found.pop(kind, None)

    # --- what the process remembers

    def publish(self) -> None:
        """All is committed: have the process remember what bodies have found out of it."""
        for draft in self.drafts.values():
            draft.publish()

    # --- savepoints

    def mark(self) -> Mark:
        """What `restore` needs."""
        late = {kind: dict(records) for kind, records in self._late.items()}
        return Mark(dict(self.numbers), dict(self._written), late, dict(self._floors), dict(self._moved))

    def restore(self, mark: Mark) -> None:
        """Be as at the mark, the database being so again."""
        self.numbers, self._written, self._late, self._floors, self._moved = mark
        self._found.clear()
        self._containers.clear()
        self.drafts.clear()
        self._forget()

    def _forget(self) -> None:
        self._records = {kind: {id: one.record for id, one in late.items()} for kind, late in self._late.items()}
        self._size = sum(map(len, self._records.values()))
