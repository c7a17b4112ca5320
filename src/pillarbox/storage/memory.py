"""What this process remembers of accounts as long as their numbers stay: states and bodies of records.

Where the database is another process, each statement costs a way there and back. One asks for the account's number;
what was read at that number cannot have become wrong, whoever wrote meanwhile. Nobody has to tell what did
(docs/decisions).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from pillarbox.core.shelf import Shelf, Shelves
from pillarbox.storage.database import Connection

_GROUP_OCTETS, _BODY_OCTETS = 500, 200  # what Python needs beside the octets
_LARGE = 65_536  # octets of a body that is not worth its room
Key = tuple[str, str]  # account, name of the type


class _Group:
    """Of one type in one account, at one number of the account."""

    __slots__ = ("bodies", "number", "state")

    def __init__(self, number: int) -> None:
        self.number = number
        self.state: int | None = None
        self.bodies: dict[str, bytes] = {}


class Memory:
    """As much as there is room for. For any thread."""

    def __init__(self, shelves: Shelves | None = None) -> None:
        self._groups: Shelf[Key, _Group] = Shelf(shelves or Shelves(), "records", worth=300)
        self._lock = threading.Lock()  # for those who put

    def state(self, key: Key, number: int) -> int | None:
        """The type's state at this number of the account."""
        group = self._at(key, number)
        return group.state if group is not None else None

    def bodies(self, key: Key, number: int, ids: Sequence[str]) -> dict[str, bytes]:
        """Those of the records' bodies that are known."""
        if (group := self._at(key, number)) is None:
            return {}
        return {id: body for id in ids if (body := group.bodies.get(id)) is not None}

    def put_state(self, key: Key, number: int, state: int) -> None:
        """Remember a state."""
        with self._lock:
            if (group := self._from(key, number)) is not None:
                group.state = state

    def put_bodies(self, key: Key, number: int, bodies: Mapping[str, bytes]) -> None:
        """Remember bodies."""
        with self._lock:
            if (group := self._from(key, number)) is None:
                return
            new = {id: body for id, body in bodies.items() if id not in group.bodies and len(body) < _LARGE}
            group.bodies.update(new)
            self._groups.grow(key, group, sum(map(len, new.values())) + _BODY_OCTETS * len(new))

    def clear(self) -> None:
        """Forget all."""
        self._groups.clear()

    def _at(self, key: Key, number: int) -> _Group | None:
        group = self._groups.get(key)
        return group if group is not None and group.number == number else None

    def _from(self, key: Key, number: int) -> _Group | None:
        """The group at this number, made if need be; None when there is a newer one: the reader's snapshot is old."""
        group = self._groups.get(key)
        if group is not None and group.number > number:
            return None
        if group is None or group.number < number:
            group = _Group(number)
            self._groups.put(key, group, _GROUP_OCTETS)
        return group


class Recollection:
    """What one snapshot takes out of the memory, and adds to it."""

    def __init__(self, db: Connection, memory: Memory) -> None:
        self._db, self._memory = db, memory
        self._numbers: dict[str, int | None] = {}

    def state(self, account: str, type: str) -> int | None:
        """A type's state, if it is known."""
        number = self._number(account)
        return None if number is None else self._memory.state((account, type), number)

    def put_state(self, account: str, type: str, state: int) -> None:
        """Note what was read."""
        if (number := self._number(account)) is not None:
            self._memory.put_state((account, type), number, state)

    def bodies(self, account: str, type: str, ids: Sequence[str]) -> dict[str, bytes]:
        """The bodies of live records, as far as they are known."""
        number = self._number(account)
        return {} if number is None else self._memory.bodies((account, type), number, ids)

    def put_bodies(self, account: str, type: str, bodies: Mapping[str, bytes]) -> None:
        """Note what was read."""
        if bodies and (number := self._number(account)) is not None:
            self._memory.put_bodies((account, type), number, bodies)

    def _number(self, account: str) -> int | None:
        """The account's number in the snapshot; None when there is no such account."""
        if account not in self._numbers:
            row = self._db.row("SELECT modseq FROM account WHERE id = ?", (account,))
            self._numbers[account] = int(str(row[0])) if row is not None else None
        return self._numbers[account]
