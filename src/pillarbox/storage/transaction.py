"""The one door for writes: every change from every protocol passes `Transaction.write`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec

from pillarbox.core.clock import Clock
from pillarbox.core.faults import Fault, Kind
from pillarbox.core.ids import IdSource
from pillarbox.core.limits import Limits
from pillarbox.datatypes.declare import DataType, Extra, Record
from pillarbox.datatypes.mark import Mark
from pillarbox.datatypes.membership import UNSEEN
from pillarbox.datatypes.outbox import Entry
from pillarbox.datatypes.property import Property
from pillarbox.datatypes.ticket import Ticket
from pillarbox.datatypes.view import Incoming
from pillarbox.storage import blob_row, memo, outbox, record, ticket, upload
from pillarbox.storage.blob import BlobStore, blob_id
from pillarbox.storage.blob_reference import follow_blobs
from pillarbox.storage.container import add_container
from pillarbox.storage.database import Conflict, Connection
from pillarbox.storage.index_table import follow_index_table
from pillarbox.storage.member import follow_members
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.working_set import UNKNOWN, WorkingSet

R = TypeVar("R", bound=Record)
_NOTHING = Extra()


class Transaction(Snapshot):
    """A change of the store, whole or not at all. See `datatypes.view.Transaction` for what each method means."""

    def __init__(
        self, db: Connection, blobs: BlobStore, limits: Limits, clock: Clock, ids: IdSource, known: WorkingSet
    ) -> None:
        """Begin a body; `known` is shared by all bodies of one commit."""
        super().__init__(db, blobs, limits, clock)
        self.id_source = ids
        self._known = known
        self.numbers: dict[str, int] = {}
        self.touched: set[str] = set()  # accounts whose rows may have been waited for
        self._locked: set[str] = set()
        self.changed: dict[str, dict[str, int]] = {}  # account -> type -> number: what push tells
        # What the text index has to learn. It is told once, before the commit: it writes out all that it holds at every
        # savepoint.
        self.texts: list[tuple[int, str, Mapping[str, str] | None]] = []
        self._notes: dict[str, Any] = {}
        self._depth = 0
        # What need not be asked of the database: ids that no record has yet, blobs that nobody else knows of, uids.
        self._new_ids: set[str] = set()
        self._held_blobs: set[tuple[str, str]] = set()  # account, blob; none of them pending
        self._given: dict[tuple[str, str, str], int] = {}  # account, container, id -> uid

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

    def lock(self, account: str) -> None:
        """Be the only writer of the account from now on, without taking a number: where writers run side by side."""
        if account not in self._locked:
            self.touched.add(account)
            self._locked.add(account)
            self.db.run("UPDATE account SET modseq = modseq WHERE id = ?", (account,))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        changed = {account: dict(types) for account, types in self.changed.items()}
        notes, numbers, texts, known = dict(self._notes), dict(self.numbers), len(self.texts), self._known.mark()
        name = f"s{self._depth}"
        self._depth += 1
        self.db.run(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            self.db.run(f"ROLLBACK TO {name}")
            self.changed, self._notes, self.numbers = changed, notes, numbers
            self._known.restore(known)
            self._held_blobs.clear()
            self._given.clear()
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
        given = {id: uid for id in items if (uid := self._given.get((account, container, id))) is not None}
        return given if len(given) == len(items) else super().uids_of(account, container, items)

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
        if old is None and new is not None and kind.is_container:
            add_container(self.db, account, new.id, number, self.now_ms)
        self._known.know((account, kind.name), (new or old).id, new)  # type: ignore[union-attr]
        if record.follow_lookup(self.db, kind, account, old, new):
            self._known.forget_found((account, kind.name))
        if kind.holds_blobs and (not changed or any(p.is_marked(Mark.BLOB) for p in changed)):
            follow_blobs(self.db, kind, account, old, new, self.now_ms, self._held_blobs)
        if kind.members:
            for container in follow_members(self.db, kind, account, old, new, number, self.now_ms, self._given):
                self._known.move_container(account, container, number)
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

    # --- blobs

    def put_blob(self, account: str, data: bytes, *, pending: bool = False) -> str:
        blob = blob_id(data)
        self.touched.add(account)
        if len(data) <= self.limits.blob_inline_octets:
            if not blob_row.add(self, account, blob, len(data), data, is_pending=pending):
                blob_row.want(self, account, blob, is_pending=pending)
            if not pending:
                self._held_blobs.add((account, blob))
        elif not blob_row.renew(self, account, blob, is_pending=pending):
            blob_row.settle(self, blob, lambda *, anew: self.blobs.write(blob, data, anew=anew))
            blob_row.add(self, account, blob, len(data), None, is_pending=pending)
        return blob

    def put_incoming(self, account: str, incoming: Incoming, *, pending: bool = False) -> str:
        self.touched.add(account)
        if not blob_row.renew(self, account, incoming.blob, is_pending=pending):
            blob_row.settle(self, incoming.blob, incoming.store)
            blob_row.add(self, account, incoming.blob, incoming.size, None, is_pending=pending)
        return incoming.blob

    def oldest_pending(self, account: str, limit: int) -> list[tuple[str, int]]:
        return upload.oldest_pending(self.db, account, limit)

    def drop_pending(self, account: str, blobs: Sequence[str]) -> int:
        self.touched.add(account)
        return upload.drop_pending(self.db, account, blobs)

    # --- the outbox

    def add_entry(self, entry: Entry) -> str:
        self.lock(entry.account)
        entry = msgspec.structs.replace(entry, id=entry.id or self.id_source.new("o"))
        outbox.add(self.db, entry)
        return entry.id

    def postpone_entry(self, entry: Entry, due_at: int, body: bytes) -> bool:
        self.lock(entry.account)
        return outbox.postpone(self.db, entry, due_at, body)

    def finish_entry(self, entry: Entry) -> bool:
        self.lock(entry.account)
        self._held_blobs.discard((entry.account, entry.blob))
        return outbox.finish(self.db, entry, self.now_ms)

    # --- memos

    def keep_memo(self, account: str, kind: str, name: str, value: str, expires_at: int) -> None:
        memo.keep(self.db, account, kind, name, value, expires_at)

    def forget_memos(self, account: str, kind: str) -> None:
        memo.forget(self.db, account, kind)

    def drop_expired_memos(self, limit: int) -> int:
        return memo.drop_expired(self.db, self.now_ms, limit)

    # --- tickets

    def add_ticket(self, given: Ticket) -> None:
        ticket.add(self.db, given)

    def drop_expired_tickets(self, account: str) -> int:
        return ticket.drop_expired(self.db, account, self.now_ms)

    def take_ticket(self, account: str, digest: str) -> Ticket | None:
        return ticket.take(self.db, account, digest)

    # --- accounts

    def add_account(self, account: str) -> None:
        """Make room for an account's data. Nothing happens when it is there."""
        self.db.run("INSERT INTO account (id, modseq) VALUES (?, 0) ON CONFLICT (id) DO NOTHING", (account,))


def _difference(kind: DataType[R], old: R | None, new: R | None) -> list[Property]:
    if old is None or new is None:
        return []
    had, has = msgspec.structs.astuple(old), msgspec.structs.astuple(new)  # in the order of their declaration
    return [p for p, before, after in zip(kind.properties.values(), had, has, strict=True) if before != after]
