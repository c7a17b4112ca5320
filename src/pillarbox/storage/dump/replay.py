"""Takes items of a dump into a store: the last one of a key wins, so any of it may be taken in again.

Rows go in as they were, with their numbers: this is no change of the data, and passes by the door for writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from pillarbox.datatypes.declare import DataType, Record
from pillarbox.datatypes.mark import Mark
from pillarbox.storage import lane, part
from pillarbox.storage.blob_reference import named
from pillarbox.storage.blob_sweep import unmark
from pillarbox.storage.dump.item import (
    INDEX,
    OUTBOX,
    BlobItem,
    ContainerItem,
    FloorItem,
    Item,
    MemberItem,
    OutboxItem,
    RecordItem,
    TailItem,
)
from pillarbox.storage.dump.walk import Kinds
from pillarbox.storage.lane_entry import Lane
from pillarbox.storage.member import DELETED, LIVE, REMOVED
from pillarbox.storage.outbox import HOLDER
from pillarbox.storage.record import DESTROYED, decoded
from pillarbox.storage.transaction import Transaction

T = TypeVar("T", bound=Item)
_BLOB = "Blob"
_STALE = 2  # in blob.pending: it was pending before the last tail, which has to name it to keep it
_RECORD_SQL = (
    "INSERT INTO record (account, type, id, created, modseq, full_modseq, touched, destroyed, unique_key, body,"
    " gaps) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, type, id) DO UPDATE SET"
    " created = excluded.created, modseq = excluded.modseq, full_modseq = excluded.full_modseq,"
    " touched = excluded.touched, destroyed = excluded.destroyed, unique_key = excluded.unique_key,"
    " body = excluded.body, gaps = excluded.gaps"
)
_MEMBER_SQL = (
    "INSERT INTO member (account, container, uid, item, type, created, modseq, removed, sort_key, group_id, size,"
    " words, saved_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, container, uid)"
    " DO UPDATE SET item = excluded.item, type = excluded.type, created = excluded.created, modseq = excluded.modseq,"
    " removed = excluded.removed, sort_key = excluded.sort_key, group_id = excluded.group_id, size = excluded.size,"
    " words = excluded.words, saved_at = excluded.saved_at"
)


class Replay:
    """Writes items in one transaction.

    `octets` finds a blob's octets by its account and id; None: they cannot be had, and the blob is left out.
    """

    def __init__(self, tx: Transaction, kinds: Kinds, octets: Callable[[str, str], bytes | None]) -> None:
        self._tx, self._db, self._kinds, self._octets = tx, tx.db, kinds, octets
        self._takers: Mapping[type[Any], Callable[[Any], None]] = {
            RecordItem: self._record,
            MemberItem: self._member,
            BlobItem: self._blob,
            TailItem: self._tail,
            ContainerItem: self._container,
            FloorItem: self._floor,
            OutboxItem: self._outbox,
        }

    def take(self, items: Iterable[Item]) -> None:
        """Take in items in the order of the dump."""
        for item in items:
            self._takers[type(item)](item)

    def _record(self, item: RecordItem) -> None:
        kind = self._kinds.get(item.type)
        row = self._db.row(
            "SELECT body FROM record WHERE account = ? AND type = ? AND id = ?", (item.account, item.type, item.id)
        )
        if item.unique_key is not None:
            # Two records that exchanged their names meet here one after the other: the other is about to be renamed.
            self._db.run(
                "UPDATE record SET unique_key = NULL WHERE account = ? AND type = ? AND unique_key = ? AND id <> ?",
                (item.account, item.type, item.unique_key, item.id),
            )
        values = (
            item.created,
            item.modseq,
            item.full_modseq,
            item.touched,
            item.destroyed,
            item.unique_key,
            item.body,
            item.gaps,
        )
        self._db.run(_RECORD_SQL, (item.account, item.type, item.id, *values))
        if kind is not None:
            old = decoded(kind, row[0]) if row is not None and row[0] else None  # type: ignore[arg-type]
            new = decoded(kind, item.body) if item.body else None
            self._lookups(kind, item.account, old, new)
        self._beside(kind, item)

    def _lookups(self, kind: DataType[Any], account: str, old: Record | None, new: Record | None) -> None:
        before, after = lookups_of(kind, old), lookups_of(kind, new)
        for entry in before - after:
            self._db.run(
                "DELETE FROM lookup WHERE account = ? AND type = ? AND property = ? AND value = ? AND item = ?",
                (account, *entry),
            )
        for entry in after - before:
            self._add_lookup(account, *entry)

    def _add_lookup(self, *row: str) -> None:
        self._db.run(
            "INSERT INTO lookup (account, type, property, value, item) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            row,
        )

    def _beside(self, kind: DataType[Any] | None, item: RecordItem) -> None:
        is_gone = item.destroyed == DESTROYED
        ordered = kind.ordered_parts if kind is not None else ()
        if is_gone or item.parts is not None:
            part.remove(self._db, item.account, item.type, item.id, ordered)
        if item.parts:
            part.add(self._db, item.account, item.type, item.id, dict(item.parts), ordered)
        table = kind.index_table if kind is not None else ""
        if table and is_gone:
            sql = f"DELETE FROM {table} WHERE account = ? AND id = ? RETURNING doc"
            if (row := self._db.row(sql, (item.account, item.id))) is not None:
                self._tx.texts.append((int(str(row[0])), item.account, None))
        elif table and item.index is not None:
            columns = INDEX[table][: len(item.index)]  # an older backup has fewer
            sql = (
                f"INSERT INTO {table} (account, id, {', '.join(columns)}) VALUES (?, ?{', ?' * len(columns)})"
                f" ON CONFLICT (account, id) DO UPDATE SET {', '.join(f'{c} = excluded.{c}' for c in columns)}"
            )
            self._db.run(sql, (item.account, item.id, *item.index))

    def _member(self, item: MemberItem) -> None:
        if item.removed != REMOVED:
            # A record that left and came back has another uid: that it left may be told later than that it came.
            for place in (LIVE, DELETED):  # each has an index of its own
                self._db.run(
                    "UPDATE member SET removed = 1 WHERE account = ? AND container = ? AND item = ?"
                    f" AND removed = {place} AND uid <> ?",
                    (item.account, item.container, item.item, item.uid),
                )
        values = (item.created, item.modseq, item.removed, item.sort_key, item.group_id, item.size, item.words)
        saved_at = item.saved_at or item.sort_key  # an older backup does not know it
        self._db.run(_MEMBER_SQL, (item.account, item.container, item.uid, item.item, item.type, *values, saved_at))

    def _blob(self, item: BlobItem) -> None:
        row = self._db.row("SELECT size FROM blob WHERE account = ? AND id = ?", (item.account, item.id))
        if row is not None:
            sql = "UPDATE blob SET stored_at = ?, pending = ? WHERE account = ? AND id = ?"
            self._db.run(sql, (item.stored_at, item.pending, item.account, item.id))
            return
        data = self._octets(item.account, item.id)
        if data is None:
            return
        inline = len(data) <= self._tx.limits.blob_inline_octets
        if not inline:
            self._tx.blobs.write(item.id, data, anew=unmark(self._db, item.id))
        self._db.run(
            "INSERT INTO blob (account, id, size, stored_at, pending, data) VALUES (?, ?, ?, ?, ?, ?)",
            (item.account, item.id, item.size, item.stored_at, item.pending, data if inline else None),
        )

    def _tail(self, item: TailItem) -> None:
        """What follows is whole: what was there of it before goes."""
        account = item.account
        self._db.run(
            "INSERT INTO account (id, modseq, epoch) VALUES (?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET modseq = excluded.modseq, epoch = excluded.epoch",
            (account, item.modseq, item.epoch),
        )
        for entry, blob in self._db.rows("SELECT id, blob FROM outbox WHERE account = ?", (account,)):
            sql = "DELETE FROM lookup WHERE account = ? AND type = ? AND property = ? AND value = ? AND item = ?"
            self._db.run(sql, (account, _BLOB, str(blob), HOLDER, str(entry)))
        for table in ("outbox", "container", "floor"):
            self._db.run(f"DELETE FROM {table} WHERE account = ?", (account,))
        self._db.run("UPDATE blob SET pending = ? WHERE account = ? AND pending = 1", (_STALE, account))

    def _container(self, item: ContainerItem) -> None:
        sql = (
            "INSERT INTO container (account, id, next_uid, modseq, validity, first_recent) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (account, id) DO UPDATE SET next_uid = excluded.next_uid, modseq = excluded.modseq,"
            " validity = excluded.validity, first_recent = excluded.first_recent"
        )
        self._db.run(sql, tuple_of(item))

    def _floor(self, item: FloorItem) -> None:
        sql = "INSERT INTO floor (account, type, modseq) VALUES (?, ?, ?)"
        self._db.run(f"{sql} ON CONFLICT (account, type) DO UPDATE SET modseq = excluded.modseq", tuple_of(item))

    def _outbox(self, item: OutboxItem) -> None:
        sql = f"INSERT INTO outbox (account, {OUTBOX}) VALUES (?{', ?' * len(OUTBOX.split(', '))})"
        self._db.run(
            f"{sql} ON CONFLICT (account, id) DO UPDATE SET due_at = excluded.due_at, body = excluded.body,"
            " queue = excluded.queue, destination = excluded.destination, lease = excluded.lease,"
            " throttle = excluded.throttle",
            tuple_of(item),
        )
        if item.destination:
            lane.wake(self._db, Lane(item.queue, item.destination, item.throttle), item.due_at)
        if item.blob:
            self._add_lookup(item.account, _BLOB, item.blob, HOLDER, item.id)


def tuple_of(item: Any) -> tuple[Any, ...]:
    """The item's values in the order of its columns."""
    return tuple(getattr(item, name) for name in item.__struct_fields__)


def lookups_of(kind: DataType[Any], record: Record | None) -> set[tuple[str, str, str, str]]:
    """(type, property, value, item) of the rows that `lookup` has for a record."""
    if record is None:
        return set()
    out = {(_BLOB, blob, kind.name, record.id) for blob in named(kind, record)}
    for prop in kind.indexed:
        value = getattr(record, prop.attribute)
        if not prop.is_marked(Mark.BLOB) and value is not None:
            values = (value,) if isinstance(value, str) else value
            out |= {(kind.name, prop.name, one, record.id) for one in values}
    return out
