"""An account's rows since a number, in pages: each may be read in a snapshot of its own, or all in one.

A row that changes while pages are read in snapshots of their own has a higher number then and is met again, by this
walk or by the next one, that begins at the number the account had before this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from pillarbox.datatypes.declare import DataType
from pillarbox.storage import part
from pillarbox.storage.blob_reference import named
from pillarbox.storage.chunk import chunks
from pillarbox.storage.database import Connection
from pillarbox.storage.dump.item import (
    BLOB,
    INDEX,
    MEMBER,
    RECORD,
    BlobItem,
    Item,
    MemberItem,
    RecordItem,
)
from pillarbox.storage.record import DESTROYED, decoded
from pillarbox.storage.snapshot import Snapshot

Kinds: TypeAlias = Mapping[str, DataType[Any]]
Page: TypeAlias = list[Item]
Read: TypeAlias = Callable[[Callable[[Snapshot], Any]], Any]  # runs a body on a snapshot: `Store.read`, or on one view
_RECORDS, _MEMBERS = 100, 1_000


class AccountState(NamedTuple):
    """An account's own row, and the highest of its floors: what was destroyed up to there may have left no trace."""

    id: str
    modseq: int
    epoch: int
    floor: int


class _Row(NamedTuple):
    id: str
    created: int
    modseq: int
    full_modseq: int
    touched: int
    destroyed: int
    unique_key: str | None
    body: bytes
    gaps: str


def accounts(db: Connection, kinds: Kinds) -> list[AccountState]:
    """All accounts that have data, the directory among them, by id."""
    # A type without records has nothing that could be destroyed: its floor is but its state.
    bare = [kind.name for kind in kinds.values() if not kind.methods] or [""]
    floor = (
        "SELECT COALESCE(MAX(f.modseq), 0) FROM floor f"
        f" WHERE f.account = a.id AND f.type NOT IN ({', '.join('?' * len(bare))})"
    )
    rows = db.rows(f"SELECT a.id, a.modseq, a.epoch, ({floor}) FROM account a ORDER BY a.id", bare)
    return [AccountState(*row) for row in rows]  # type: ignore[arg-type]


def walk(read: Read, account: str, since: int, kinds: Kinds) -> Iterator[Page]:
    """All records with what belongs to them, and all members, that were written after a number (0: all)."""
    yield from _members(read, account, since)
    type: str | None = ""
    while type is not None:
        type = read(lambda view, after=type: _next_type(view.db, account, after))  # type: ignore[misc]
        if type is not None:
            yield from _records(read, account, type, since, kinds.get(type))


def _members(read: Read, account: str, since: int) -> Iterator[Page]:
    sql = (
        f"SELECT {MEMBER} FROM member WHERE account = ? AND (container, uid) > (?, ?) AND modseq > ?"
        " ORDER BY container, uid LIMIT ?"
    )
    at: tuple[str, int] = ("", -1)
    while rows := read(lambda view, at=at: view.db.rows(sql, (account, *at, since, _MEMBERS))):  # type: ignore[misc]
        yield [MemberItem(account, *row) for row in rows]
        at = rows[-1][:2]


def _next_type(db: Connection, account: str, after: str) -> str | None:
    row = db.row("SELECT MIN(type) FROM record WHERE account = ? AND type > ?", (account, after))
    return str(row[0]) if row is not None and row[0] is not None else None


def _records(read: Read, account: str, type: str, since: int, kind: DataType[Any] | None) -> Iterator[Page]:
    numbered = (
        f"SELECT {RECORD} FROM record WHERE account = ? AND type = ? AND modseq >= ? AND (modseq > ? OR id > ?)"
        " ORDER BY modseq, id LIMIT ?"
    )
    at: tuple[int, int, str] = (since + 1, since, "")

    def page(view: Snapshot, sql: str, values: Sequence[Any]) -> tuple[list[_Row], Page]:
        rows = [_Row(*row) for row in view.db.rows(sql, (account, type, *values, _RECORDS))]  # type: ignore[arg-type]
        return rows, _Items(view, account, type, since, kind).of(rows)

    while (found := read(lambda view, at=at: page(view, numbered, at)))[0]:  # type: ignore[misc]
        rows, items = found
        yield items
        at = (rows[-1].modseq, rows[-1].modseq, rows[-1].id)
    if since and (kind is None or kind.internals):
        # What nobody sees changes without a number of its own: a look at every row finds it.
        touched = (
            f"SELECT {RECORD} FROM record WHERE account = ? AND type = ? AND touched > ? AND id > ? ORDER BY id LIMIT ?"
        )
        last = ""
        while (found := read(lambda view, last=last: page(view, touched, (since, last))))[0]:  # type: ignore[misc]
            rows, items = found
            yield items
            last = rows[-1].id


class _Items:
    """Makes items of the records of one page."""

    def __init__(self, view: Snapshot, account: str, type: str, since: int, kind: DataType[Any] | None) -> None:
        self._view, self._account, self._type, self._since, self._kind = view, account, type, since, kind

    def of(self, rows: Sequence[_Row]) -> Page:
        """The records, after the blobs that they name."""
        live = [row.id for row in rows if row.destroyed != DESTROYED]
        # Parts are written once, with the record.
        parts = self._parts([row.id for row in rows if row.destroyed != DESTROYED and row.created > self._since])
        index = self._index(live)
        records: list[Item] = [
            RecordItem(self._account, self._type, *row[:-1], parts.get(row.id), index.get(row.id), row.gaps)
            for row in rows
        ]
        return [*self._blobs(rows), *records]

    def _parts(self, ids: Sequence[str]) -> dict[str, tuple[tuple[str, bytes], ...]]:
        ordered = self._kind.ordered_parts if self._kind is not None else ()
        return part.read_all(self._view.db, self._account, self._type, ids, ordered)

    def _index(self, ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
        table = self._kind.index_table if self._kind is not None else ""
        out: dict[str, tuple[Any, ...]] = {}
        if table:
            for marks, values in chunks(ids):
                sql = f"SELECT id, {', '.join(INDEX[table])} FROM {table} WHERE account = ? AND id IN ({marks})"
                for row in self._view.db.rows(sql, (self._account, *values)):
                    out[str(row[0])] = row[1:]
        return out

    def _blobs(self, rows: Sequence[_Row]) -> Page:
        if self._kind is None or not self._kind.holds_blobs:
            return []
        names: set[str] = set()
        for row in rows:
            if row.destroyed != DESTROYED and (record := decoded(self._kind, row.body)) is not None:
                names |= named(self._kind, record)
        return blob_items(self._view.db, self._account, sorted(names))


def blob_items(db: Connection, account: str, ids: Sequence[str]) -> Page:
    """The rows of these blobs, as far as the account has them."""
    out: dict[str, Item] = {}
    for marks, values in chunks(ids):
        for row in db.rows(f"SELECT {BLOB} FROM blob WHERE account = ? AND id IN ({marks})", (account, *values)):
            out[str(row[0])] = BlobItem(account, *row)  # type: ignore[arg-type]
    return list(out.values())


def row_count(db: Connection, account: str, since: int) -> int:
    """How many records and members a walk is about to find."""
    out = 0
    for table in ("record", "member"):
        row = db.row(f"SELECT COUNT(*) FROM {table} WHERE account = ? AND modseq > ?", (account, since))
        out += int(str(row[0])) if row is not None else 0
    return out


def blob_sizes(db: Connection, account: str) -> Iterator[tuple[str, int]]:
    """(id, size) of all blobs of an account."""
    at = ""
    while rows := db.rows(
        "SELECT id, size FROM blob WHERE account = ? AND id > ? ORDER BY id LIMIT ?", (account, at, _MEMBERS)
    ):
        yield from rows  # type: ignore[misc]
        at = str(rows[-1][0])
