"""Questions that a check of the store asks: its rows as they are, in pages, and what disagrees with what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import apsw

from pillarbox.storage.blob_reference import references
from pillarbox.storage.database import Connection, StoreError, Undone

# What the engine raises when the file itself is damaged.
ENGINE_ERRORS: tuple[type[Exception], ...] = (apsw.Error, StoreError, Undone)
# Tables of which every row belongs to an account.
_TABLES = ("record", "member", "container", "lookup", "floor", "part", "ordered_part", "email_index", "blob", "outbox")


class RecordRow(NamedTuple):
    """A row of `record`."""

    type: str
    id: str
    created: int
    modseq: int
    full_modseq: int
    destroyed: int
    unique_key: str | None
    body: bytes


class MemberRow(NamedTuple):
    """A row of `member` that is not removed, by container and item."""

    uid: int
    type: str
    created: int
    modseq: int
    sort_key: int
    group_id: str
    size: int
    words: str


class BlobRow(NamedTuple):
    """A row of `blob`; `kept` is the length of the octets in the database, None when they are in a file."""

    id: str
    size: int
    pending: int
    kept: int | None


def integrity(db: Connection, *, quick: bool) -> list[str]:
    """What the engine itself finds wrong, at most 100 lines; `quick` does not compare indexes with their tables."""
    return db.integrity(quick=quick)


def accounts(db: Connection) -> list[tuple[str, int]]:
    """(id, modseq) of all accounts."""
    return db.rows("SELECT id, modseq FROM account ORDER BY id")  # type: ignore[return-value]


def homeless(db: Connection) -> list[tuple[str, str]]:
    """(table, account) of rows whose account does not exist."""
    out = []
    for table in _TABLES:
        sql = f"SELECT DISTINCT account FROM {table} WHERE account NOT IN (SELECT id FROM account)"
        out += [(table, str(account)) for (account,) in db.rows(sql)]
    return out


def records(db: Connection, account: str, chunk: int) -> Iterator[list[RecordRow]]:
    """All records of an account, destroyed ones too, in pages."""
    at = ("", "")
    sql = (
        "SELECT type, id, created, modseq, full_modseq, destroyed, unique_key, body FROM record"
        " WHERE account = ? AND (type, id) > (?, ?) ORDER BY type, id LIMIT ?"
    )
    while page := [RecordRow(*row) for row in db.rows(sql, (account, *at, chunk))]:  # type: ignore[arg-type]
        yield page
        at = (page[-1].type, page[-1].id)


def live_ids(db: Connection, account: str, type: str, chunk: int) -> Iterator[list[str]]:
    """The ids of all records of a type that are not destroyed, hidden ones too, in pages."""
    at = ""
    sql = "SELECT id FROM record WHERE account = ? AND type = ? AND id > ? AND destroyed <> 1 ORDER BY id LIMIT ?"
    while page := [str(id) for (id,) in db.rows(sql, (account, type, at, chunk))]:
        yield page
        at = page[-1]


def has_lookup(db: Connection, account: str, type: str, property: str, value: str, item: str) -> bool:
    """Whether a record can be found by a value."""
    sql = "SELECT 1 FROM lookup WHERE account = ? AND type = ? AND property = ? AND value = ? AND item = ?"
    return db.row(sql, (account, type, property, value, item)) is not None


def lookup_count(db: Connection, account: str) -> int:
    """How many rows the account has in `lookup`, without those that the outbox holds its blobs by."""
    return _count(
        db, "SELECT COUNT(*) FROM lookup WHERE account = ? AND NOT (type = 'Blob' AND value = 'Outbox')", account
    )


def lookups(db: Connection, account: str, chunk: int) -> Iterator[list[tuple[str, str, str, str]]]:
    """(type, property, value, item) of all rows in `lookup`, in pages."""
    at = ("", "", "", "")
    sql = (
        "SELECT type, property, value, item FROM lookup"
        " WHERE account = ? AND (type, property, value, item) > (?, ?, ?, ?)"
        " ORDER BY type, property, value, item LIMIT ?"
    )
    while page := db.rows(sql, (account, *at, chunk)):
        yield page  # type: ignore[misc]
        at = page[-1]  # type: ignore[assignment]


def member(db: Connection, account: str, container: str, item: str, place: int) -> MemberRow | None:
    """The membership of a record in a container, live or deleted."""
    sql = (
        "SELECT uid, type, created, modseq, sort_key, group_id, size, words FROM member"
        f" WHERE account = ? AND container = ? AND item = ? AND removed = {int(place)}"
    )
    row = db.row(sql, (account, container, item))
    return MemberRow(*row) if row is not None else None  # type: ignore[arg-type]


def member_count(db: Connection, account: str) -> int:
    """How many memberships the account has."""
    return _count(db, "SELECT COUNT(*) FROM member WHERE account = ? AND removed <> 1", account)


def members(db: Connection, account: str, chunk: int) -> Iterator[list[tuple[str, int, str, str, int]]]:
    """(container, uid, type, item, live or deleted) of memberships, in pages."""
    at: tuple[str, int] = ("", -1)
    sql = (
        "SELECT container, uid, type, item, removed FROM member"
        " WHERE account = ? AND (container, uid) > (?, ?) AND removed <> 1 ORDER BY container, uid LIMIT ?"
    )
    while page := db.rows(sql, (account, *at, chunk)):
        yield page  # type: ignore[misc]
        at = page[-1][:2]  # type: ignore[assignment]


def bad_uids(db: Connection, account: str, limit: int) -> list[tuple[str, int]]:
    """(container, uid) of memberships, removed ones too, whose uid could be given out again (RFC 9051 §2.3.1.1)."""
    sql = (
        "SELECT m.container, m.uid FROM member m LEFT JOIN container c ON c.account = m.account AND c.id = m.container"
        " WHERE m.account = ? AND (c.id IS NULL OR m.uid >= c.next_uid OR m.uid < 1) LIMIT ?"
    )
    return db.rows(sql, (account, limit))  # type: ignore[return-value]


def bad_containers(db: Connection, account: str, types: Sequence[str], limit: int) -> list[str]:
    """The containers without a row, or with another's validity, or a number that is behind that of a member."""
    marks = ",".join("?" * len(types))
    same = "o.account = c.account AND o.validity = c.validity AND o.id <> c.id"
    ahead = "m.account = c.account AND m.container = c.id AND m.modseq > c.modseq"
    sql = (
        "SELECT r.id FROM record r LEFT JOIN container c ON c.account = r.account AND c.id = r.id"
        f" WHERE r.account = ? AND r.type IN ({marks}) AND r.destroyed = 0 AND (c.id IS NULL OR c.validity < 1"
        f" OR EXISTS (SELECT 1 FROM container o WHERE {same}) OR EXISTS (SELECT 1 FROM member m WHERE {ahead})) LIMIT ?"
    )
    return [str(id) for (id,) in db.rows(sql, (account, *types, limit))]


def late_numbers(db: Connection, account: str, modseq: int, limit: int) -> list[tuple[str, str]]:
    """(table, id) of what has a number that the account has not reached, or was created after its last change."""
    sql = (
        "SELECT * FROM (SELECT 'record', type || ' ' || id FROM record WHERE account = ?1 AND"
        "   (modseq > ?2 OR touched > ?2 OR created > modseq OR full_modseq > modseq OR full_modseq < created)"
        " UNION ALL SELECT 'member', container || ' ' || uid FROM member"
        "   WHERE account = ?1 AND (modseq > ?2 OR created > modseq)"
        " UNION ALL SELECT 'container', id FROM container WHERE account = ?1 AND modseq > ?2"
        " UNION ALL SELECT 'floor', type FROM floor WHERE account = ?1 AND modseq > ?2) x LIMIT ?3"
    )
    return db.rows(sql, (account, modseq, limit))  # type: ignore[return-value]


def index_row(db: Connection, table: str, columns: Sequence[str], account: str, id: str) -> tuple[object, ...] | None:
    """Some columns of a record's row in its index table."""
    return db.row(f"SELECT {', '.join(columns)} FROM {table} WHERE account = ? AND id = ?", (account, id))


def stray_index_rows(db: Connection, table: str, type: str, account: str, limit: int) -> list[str]:
    """The ids in an index table that are no records."""
    sql = (
        f"SELECT e.id FROM {table} e LEFT JOIN record r ON r.account = e.account AND r.type = ? AND r.id = e.id"
        " AND r.destroyed <> 1 WHERE e.account = ? AND r.id IS NULL LIMIT ?"
    )
    return [str(id) for (id,) in db.rows(sql, (type, account, limit))]


def missing_parts(db: Connection, account: str, type: str, name: str, ids: Sequence[str]) -> list[str]:
    """Those of the records that lack a fixed part."""
    marks = ",".join("?" * len(ids))
    sql = f"SELECT id FROM part WHERE account = ? AND type = ? AND name = ? AND id IN ({marks})"
    found = {id for (id,) in db.rows(sql, (account, type, name, *ids))}
    return [id for id in ids if id not in found]


def stray_parts(db: Connection, account: str, limit: int) -> list[tuple[str, str]]:
    """(type, id) of fixed parts whose record is destroyed."""
    found: list[tuple[str, str]] = []
    for table in ("part", "ordered_part"):
        sql = (
            f"SELECT DISTINCT p.type, p.id FROM {table} p LEFT JOIN record r ON r.account = p.account"
            " AND r.type = p.type AND r.id = p.id AND r.destroyed <> 1 WHERE p.account = ? AND r.id IS NULL LIMIT ?"
        )
        found += db.rows(sql, (account, limit))  # type: ignore[arg-type]
    return sorted(set(found))[:limit]


def unsearchable(db: Connection, account: str, limit: int) -> list[str]:
    """The emails that the text index does not have, or has under another account."""
    return db.texts.missing(db, account, limit)


def stray_texts(db: Connection, limit: int) -> list[int]:
    """Documents of the text index that belong to no email."""
    return db.texts.stray(db, limit)


def blobs(db: Connection, account: str, chunk: int) -> Iterator[list[BlobRow]]:
    """All blobs of an account, in pages."""
    at = ""
    sql = "SELECT id, size, pending, LENGTH(data) FROM blob WHERE account = ? AND id > ? ORDER BY id LIMIT ?"
    while page := [BlobRow(*row) for row in db.rows(sql, (account, at, chunk))]:  # type: ignore[arg-type]
        yield page
        at = page[-1].id


def dangling(db: Connection, account: str, limit: int) -> list[tuple[str, str, str]]:
    """(blob, type, id) of what names a blob that the account does not have."""
    sql = (
        "SELECT l.property, l.value, l.item FROM lookup l"
        " LEFT JOIN blob b ON b.account = l.account AND b.id = l.property"
        " WHERE l.account = ? AND l.type = 'Blob' AND b.id IS NULL LIMIT ?"
    )
    return db.rows(sql, (account, limit))  # type: ignore[return-value]


def holders(db: Connection, account: str, blob: str) -> list[tuple[str, str]]:
    """(type, id) of what names a blob, hidden records too."""
    return references(db, account, blob)


def file_names(db: Connection) -> set[str]:
    """The blobs of all accounts that are in files."""
    return {str(id) for (id,) in db.rows("SELECT DISTINCT id FROM blob WHERE data IS NULL")}


def outside(db: Connection, after: str, limit: int) -> list[tuple[str, int]]:
    """(id, size) of the blobs of all accounts that are outside of the database, in the order of their ids."""
    sql = "SELECT id, MAX(size) FROM blob WHERE data IS NULL AND id > ? GROUP BY id ORDER BY id LIMIT ?"
    return db.rows(sql, (after, limit))  # type: ignore[return-value]


def outside_count(db: Connection) -> int:
    """How many there are."""
    row = db.row("SELECT COUNT(DISTINCT id) FROM blob WHERE data IS NULL")
    return int(str(row[0])) if row else 0


def outbox_entries(db: Connection, account: str) -> list[tuple[str, str, str, str]]:
    """(id, kind, item, blob) of the entries in the outbox."""
    return db.rows("SELECT id, kind, item, blob FROM outbox WHERE account = ? ORDER BY id", (account,))  # type: ignore[return-value]


def outbox_holds(db: Connection, account: str) -> list[tuple[str, str]]:
    """(blob, entry) of what the outbox holds."""
    sql = "SELECT property, item FROM lookup WHERE account = ? AND type = 'Blob' AND value = 'Outbox'"
    return db.rows(sql, (account,))  # type: ignore[return-value]


def _count(db: Connection, sql: str, account: str) -> int:
    row = db.row(sql, (account,))
    return int(str(row[0])) if row else 0
