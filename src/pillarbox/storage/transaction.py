"""The one door for writes: every change from every protocol passes `Transaction.write`."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec

from pillarbox.core.clock import Clock
from pillarbox.core.faults import Fault, Kind
from pillarbox.core.ids import IdSource
from pillarbox.core.limits import Limits
from pillarbox.datatypes.declare import DataType, Extra, Record
from pillarbox.datatypes.mark import Mark
from pillarbox.datatypes.membership import UNSEEN, Container, Membership
from pillarbox.datatypes.property import Property
from pillarbox.datatypes.remembered import Draft
from pillarbox.storage import record
from pillarbox.storage.beside import Beside
from pillarbox.storage.blob import BlobStore
from pillarbox.storage.blob_reference import follow_blobs
from pillarbox.storage.container import add_container, pass_recent
from pillarbox.storage.database import Conflict, Connection
from pillarbox.storage.index_table import follow_index_table
from pillarbox.storage.member import follow_members
from pillarbox.storage.working_set import UNKNOWN, WorkingSet

R = TypeVar("R", bound=Record)
_NOTHING = Extra()


class Transaction(Beside):
    """A change of the store, whole or not at all. See `datatypes.view.Transaction` for what each method means."""

    def __init__(
        self, db: Connection, blobs: BlobStore, limits: Limits, clock: Clock, ids: IdSource, known: WorkingSet
    ) -> None:
        """Begin a body; `known` is shared by all bodies of one commit."""
        super().__init__(db, blobs, limits, clock, ids)
        self._known = known
        self.drafts: dict[Hashable, Draft] = known.drafts
        self.numbers: dict[str, int] = {}
        self.changed: dict[str, dict[str, int]] = {}  # account -> type -> number: what push tells
        # What the text index has to learn. It is told once, before the commit: it writes out all that it holds at every
        # savepoint.
        self.texts: list[tuple[int, str, Mapping[str, str] | None]] = []
        self._notes: dict[str, Any] = {}
        self._depth = 0
        # What need not be asked of the database: ids that no record has yet, and uids.
        self._new_ids: set[str] = set()
        self._uids: dict[tuple[str, str, str], int] = {}  # account, container, id -> uid

    # --- numbers and savepoints

    def number(self, account: str) -> int:
        found = self.numbers.get(account)
        if found is None:
            found = self._known.next_number(account)
        if found is None:
            self.touched.add(account)
            self._locked.add(account)
            row = self.db.row("UPDATE account SET modseq = modseq + 1 WHERE id = ? RETURNING modseq", (account,))
            if row is None:
                raise Fault(Kind.ACCOUNT_NOT_FOUND)
            found = int(str(row[0]))
            self._known.first_number(account, found)
        self.numbers[account] = found
        return found

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        changed = {account: dict(types) for account, types in self.changed.items()}
        notes, numbers, locked = dict(self._notes), dict(self.numbers), set(self._locked)
        texts, known = len(self.texts), self._known.mark()
        name = f"s{self._depth}"
        self._depth += 1
        self.db.run(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            self.db.run(f"ROLLBACK TO {name}")
            self.changed, self._notes, self.numbers = changed, notes, numbers
            self._known.restore(known)
            self._locked = locked  # PostgreSQL lets go of what was locked inside
            self._held_blobs.clear()
            self._uids.clear()
            del self.texts[texts:]
            raise
        finally:
            self._depth -= 1
            self.db.run(f"RELEASE {name}")

    def new_id(self, kind: DataType[R]) -> str:
        id = self.id_source.new(kind.letter)
        self._new_ids.add(id)
        return id

    def remember(self, key: str, value: Any) -> None:
        self._notes[key] = value

    def notes(self) -> Mapping[str, Any]:
        return self._notes

    # --- reading what this transaction has written

    def get(self, kind: DataType[R], account: str, id: str, *, with_deleted: bool = False) -> R | None:
        key = (account, kind.name)
        found: Any = self._known.get(key, id)
        if found is UNKNOWN and id in self._new_ids:
            return None
        if found is UNKNOWN:
            found = super().get(kind, account, id, with_deleted=True)
            self._known.know(key, id, found)
        if with_deleted or kind.is_hidden is None:
            return found  # type: ignore[no-any-return]
        return found if kind.shows(found) else None

    def find(self, kind: DataType[R], account: str, property: str, values: Sequence[str]) -> list[tuple[str, str]]:
        if len(values) != 1 or kind.properties[property].is_marked(Mark.BLOB):
            return super().find(kind, account, property, values)
        key = (account, kind.name)
        out = self._known.found(key, property, values[0])
        if out is None:
            out = super().find(kind, account, property, values)
            self._known.know_found(key, property, values[0], out)
        return out

    def uids_of(self, account: str, container: str, items: Sequence[str]) -> dict[str, int]:
        given = {id: uid for id in items if (uid := self._uids.get((account, container, id))) is not None}
        return given if len(given) == len(items) else super().uids_of(account, container, items)

    def members(
        self, kind: DataType[R], account: str, container: str, first: int, last: int
    ) -> list[tuple[Membership, R]]:
        found = super().members(kind, account, container, first, last)
        self._uids.update({(account, container, row.item): row.uid for row, _ in found})
        return found

    def container(self, account: str, container: str) -> Container:
        key = account, container
        if (known := self._known.container(key)) is None:
            known = super().container(account, container)
            self._known.know_container(key, known)
        return known

    def pass_recent(self, account: str, container: str, uid: int) -> int:
        """Have no message below a uid recent any more; from which on they were till now."""
        self.lock(account)
        self._known.forget_container((account, container))
        return pass_recent(self.db, account, container, uid)

    def before_reading(self, kind: DataType[R], account: str) -> None:
        self._known.write_late(self.db, (account, kind.name))

    def before_reading_containers(self) -> None:
        self._known.write_containers(self.db)

    # --- the door

    def write(self, kind: DataType[R], account: str, old: R | None, new: R | None, extra: Extra | None = None) -> None:
        kind.rules.check(self, account, old, new)
        changed = _difference(kind, old, new)
        if old is not None and new is not None and not changed:
            return
        number = self.number(account)
        self._new_ids.discard((new or old).id)  # type: ignore[union-attr]
        was_shown, is_shown = kind.shows(old), kind.shows(new)
        # Whether anybody but IMAP sees the change.
        is_told = (was_shown or is_shown) and not (changed and all(p in kind.internals for p in changed))
        try:
            if old is not None and new is not None and was_shown != is_shown:
                self.before_reading(kind, account)
                turn = record.show if is_shown else record.hide
                turn(self.db, kind, account, new, number)
            else:
                self._store(kind, account, old, new, number, changed if is_told else None)
        except Conflict:
            raise Fault(
                Kind.ALREADY_EXISTS, "another record has the same name", **record.existing(self.db, kind, account, new)
            ) from None
        if kind.is_container and (old is None or new is None):
            self._known.forget_container((account, (new or old).id))  # type: ignore[union-attr]
            if new is not None:
                add_container(self.db, account, new.id, number, self.now_ms)
        self._known.know((account, kind.name), (new or old).id, new)  # type: ignore[union-attr]
        if record.follow_lookup(self.db, kind, account, old, new):
            self._known.forget_found((account, kind.name))
        if kind.holds_blobs and (not changed or any(p.is_marked(Mark.BLOB) for p in changed)):
            follow_blobs(self.db, kind, account, old, new, self.now_ms, self._held_blobs)
        if kind.members:
            for container, has_grown in follow_members(
                self.db, kind, account, old, new, number, self.now_ms, self._uids
            ):
                if has_grown:
                    self._known.forget_container((account, container))
                else:
                    self._known.move_container((account, container), number)
        self.texts += follow_index_table(self.db, kind, account, old, new, extra or _NOTHING)
        if is_told or kind.members:
            self.changed.setdefault(account, {})[kind.name if is_told else UNSEEN] = number
        kind.rules.follow(self, account, old, new)

    def note(self, kind: DataType[R], account: str) -> None:
        number, changed = self.number(account), self.changed.setdefault(account, {})
        if changed.get(kind.name) != number:
            # There is no log of a type without records: the floor of what can be told is its state.
            self._known.raise_floor((account, kind.name), number)
            changed[kind.name] = number

    def _store(
        self,
        kind: DataType[R],
        account: str,
        old: R | None,
        new: R | None,
        number: int,
        told: list[Property] | None,
    ) -> None:
        """`told` are the properties that changed, None when nobody is to hear of the change."""
        if new is None:
            assert old is not None
            self._known.drop_late((account, kind.name), old.id)
            destroy = record.destroy if told is not None else record.destroy_hidden
            destroy(self.db, kind, account, old.id, number)
        elif old is None:
            record.insert(self.db, kind, account, new, number)
        elif told and all(p in kind.counters or p in kind.internals for p in told):
            self._known.put_late((account, kind.name), new, number)
        else:
            self.before_reading(kind, account)
            rewrite = record.update if told is not None else record.update_silently
            rewrite(self.db, kind, account, new, number)

    # --- accounts

    def add_account(self, account: str) -> None:
        """Make room for an account's data. Nothing happens when it is there."""
        self.db.run("INSERT INTO account (id, modseq) VALUES (?, 0) ON CONFLICT (id) DO NOTHING", (account,))


def _difference(kind: DataType[R], old: R | None, new: R | None) -> list[Property]:
    if old is None or new is None:
        return []
    had, has = msgspec.structs.astuple(old), msgspec.structs.astuple(new)  # in the order of their declaration
    return [p for p, before, after in zip(kind.properties.values(), had, has, strict=True) if before != after]
