"""What a container holds, by uid, and what changed in it (RFC 9051 §2.3.1, RFC 7162 §3.1).

After an epoch began (see `epoch`) a client may have seen changes that are lost. So everything counts as changed at that
number, and no number below it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from pillarbox.datatypes.membership import MemberChanges, Membership
from pillarbox.datatypes.registry import TYPES
from pillarbox.storage.database import Connection, Value

_TYPES = tuple(kind.name for kind in TYPES if kind.members is not None)
_MARKS = ",".join("?" * len(_TYPES))
_REMOVED = 1  # in member.removed; 2 is deleted
_LAST = 1 << 32  # no uid is as high
_FEW = 1_000  # changes that are looked up one by one, rather than by a walk over the container
_CHUNK = 500
_ALL = "m.uid, m.item, {modseq}, m.words, m.size, m.sort_key, m.group_id, m.saved_at, m.removed / 2"
_LISTED = "m.uid, m.item, m.size, m.sort_key"
_FLAGS = "m.uid, {modseq}, m.words, m.removed / 2"
# Rows are tuples of the right form already.
_membership: Callable[[Any], Membership] = partial(tuple.__new__, Membership)

_WITH_BODIES = (
    f"SELECT {_ALL.format(modseq='CASE WHEN m.modseq < a.epoch THEN a.epoch ELSE m.modseq END')}, r.body"
    " FROM account a JOIN member m ON m.account = a.id"
    " JOIN record r ON r.account = m.account AND r.type = ? AND r.id = m.item"
    " WHERE a.id = ? AND m.container = ? AND m.uid >= ? AND m.uid <= ? AND m.removed <> 1 ORDER BY m.uid"
)
_SINCE = (
    f"SELECT epoch, (SELECT MAX(modseq) FROM floor WHERE account = ? AND type IN ({_MARKS})),"
    f" (SELECT COUNT(*) FROM (SELECT 1 FROM record WHERE account = ? AND type IN ({_MARKS}) AND modseq > ?"
    f" LIMIT {_FEW}) x) FROM account WHERE id = ?"
)
# Each way to a change has an index of its own: what only IMAP sees, or nobody any more, and the log of the records.
_EACH = _ALL.format(modseq="m.modseq").replace("m.removed / 2", "m.removed")
_FROM = f"SELECT {_EACH} FROM member m WHERE m.account = ? AND m.container = ? AND"
_LOGGED = (
    f"SELECT {_EACH} FROM record r CROSS JOIN member m ON m.account = r.account AND m.container = ?"
    " AND m.item = r.id AND m.removed = 0 WHERE r.account = ? AND r.type = ? AND r.modseq > ? AND m.modseq > ?"
)
_CHANGED = " UNION ALL ".join(
    (
        f"{_FROM} m.item >= '' AND m.removed = 2 AND m.modseq > ?",
        f"{_FROM} m.removed = 1 AND m.modseq > ?",
        *[_LOGGED] * len(_TYPES),
    )
)


class Span(NamedTuple):
    """Which members are wanted: with uids from `first` to `last`, changed after `since`, at most so many."""

    first: int = 1
    last: int | None = None
    since: int = 0
    limit: int | None = None


def memberships(db: Connection, account: str, container: str, span: Span) -> list[Membership]:
    """All that is kept beside the members, in the order of uids."""
    return list(map(_membership, _rows(db, account, container, _ALL, span)))


def with_bodies(
    db: Connection, account: str, container: str, type: str, span: Span
) -> list[tuple[Membership, str | bytes]]:
    """The same of members with uids from `span.first` to `span.last`, each with the stored JSON of its record."""
    rows = db.rows(_WITH_BODIES, (type, account, container, *_uids(span)))
    return [(_membership(row[:-1]), row[-1]) for row in rows]  # type: ignore[misc]


def flags(db: Connection, account: str, container: str, span: Span) -> list[tuple[int, int, str, bool]]:
    """(uid, modseq, words, whether it is deleted), in the order of uids."""
    return _rows(db, account, container, _FLAGS, span)


def listed(db: Connection, account: str, container: str, span: Span) -> list[tuple[int, str, int, int]]:
    """(uid, item, size, sort_key), in the order of uids: what never changes of a member."""
    return _walk(db, account, container, (_LISTED, []), span)


def _rows(db: Connection, account: str, container: str, columns: str, span: Span) -> list[Any]:
    if not span.since:
        return _walk(db, account, container, _columns(columns, _epoch(db, account)), span)
    epoch, modseq = _numbers(db, account, container)
    first = _columns(columns, epoch)
    if span.since < epoch:
        return _walk(db, account, container, first, span._replace(since=0))
    if modseq <= span.since:
        return []
    if _is_long(db, account, span.since):
        return _walk(db, account, container, first, span)
    return sorted(_by_log(db, account, container, first, span))[: span.limit]


def _walk(db: Connection, account: str, container: str, columns: tuple[str, list[Value]], span: Span) -> list[Any]:
    sql = (
        f"SELECT {columns[0]} FROM member m WHERE m.account = ? AND m.container = ? AND m.uid >= ? AND m.uid <= ?"
        f" AND m.removed <> 1{' AND m.modseq > ?' if span.since else ''} ORDER BY m.uid LIMIT ?"
    )
    since = (span.since,) if span.since else ()
    limit = -1 if span.limit is None else span.limit
    return db.rows(sql, (*columns[1], account, container, *_uids(span), *since, limit))


def _by_log(db: Connection, account: str, container: str, columns: tuple[str, list[Value]], span: Span) -> list[Any]:
    r"""The log of the records leads to what changed. It does not tell of what only IMAP sees: \Deleted members."""
    within = "m.modseq > ? AND m.uid >= ? AND m.uid <= ?"
    logged = (
        f"SELECT {columns[0]} FROM record r CROSS JOIN member m ON m.account = r.account AND m.container = ?"
        f" AND m.item = r.id AND m.removed = 0 WHERE r.account = ? AND r.type = ? AND r.modseq > ? AND {within}"
    )
    # By the index of what is deleted, which is little, and not by a walk over the container.
    deleted = (
        f"SELECT {columns[0]} FROM member m WHERE m.account = ? AND m.container = ? AND m.item >= '' AND m.removed = 2"
        " AND m.modseq > ? AND +m.uid >= ? AND +m.uid <= ?"
    )
    bounds = (span.since, *_uids(span))
    rows = db.rows(deleted, (*columns[1], account, container, *bounds))
    for type in _TYPES:
        rows += db.rows(logged, (*columns[1], container, account, type, span.since, *bounds))
    return rows


def changed(db: Connection, account: str, container: str, since: int) -> MemberChanges | None:
    r"""The members that changed after a number, and the uids of those that were removed, both in the order of uids.

    None when it is much, or not all of it is known: `memberships` and `removed_uids` tell what there is to tell.
    """
    row = db.row(_SINCE, (account, *_TYPES, account, *_TYPES, since, account))
    epoch, floor, length = (int(str(value or 0)) for value in row or (since + 1, 0, 0))
    if since < max(epoch, floor) or length >= _FEW:
        return None
    values: list[Value] = [account, container, since] * 2
    for type in _TYPES:
        values += [container, account, type, since, since]
    rows = sorted(db.rows(_CHANGED, values))
    there = [_membership((*row[:-1], row[-1] // 2)) for row in rows if row[-1] != _REMOVED]  # type: ignore[operator]
    return there, [int(str(row[0])) for row in rows if row[-1] == _REMOVED]


def memberships_of(db: Connection, account: str, container: str, uids: Sequence[int]) -> list[Membership]:
    """The members that have these uids, in the order of uids."""
    columns, values = _columns(_ALL, _epoch(db, account))
    wanted = sorted(set(uids))
    out: list[Membership] = []
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        part += part[-1:] * ((1 << (len(part) - 1).bit_length()) - len(part))  # few lengths are few statements
        marks = ",".join("?" * len(part))
        sql = (
            f"SELECT {columns} FROM member m WHERE m.account = ? AND m.container = ? AND m.uid IN ({marks})"
            " AND m.removed <> 1 ORDER BY m.uid"
        )
        out += map(_membership, db.rows(sql, (*values, account, container, *part)))
    return out


def uids(db: Connection, account: str, container: str) -> list[int]:
    """All uids of a container, rising."""
    sql = "SELECT uid FROM member WHERE account = ? AND container = ? AND removed <> 1 ORDER BY uid"
    return [uid for (uid,) in db.rows(sql, (account, container))]  # type: ignore[misc]


def uids_of(db: Connection, account: str, container: str, items: Sequence[str]) -> dict[str, int]:
    r"""The uids of records in a container, those with \Deleted too, by id; who is not there is not in it."""
    out: dict[str, int] = {}
    for start in range(0, len(items), _CHUNK):
        part = list(items[start : start + _CHUNK])
        part += part[-1:] * ((1 << (len(part) - 1).bit_length()) - len(part))
        where = f"account = ? AND container = ? AND item IN ({','.join('?' * len(part))})"
        for removed in (2, 0):  # each has an index of its own; where both are there, the live one counts
            sql = f"SELECT item, uid FROM member WHERE {where} AND removed = {removed}"
            out.update(db.rows(sql, (account, container, *part)))  # type: ignore[arg-type]
    return out


def totals(db: Connection, account: str, container: str) -> tuple[int, int, int, int, int]:
    r"""(members, those without $seen, their octets, those with \Deleted, the octets of these)."""
    row = db.row(
        "SELECT COUNT(*), COUNT(CASE WHEN words NOT LIKE '% $seen %' THEN 1 END), SUM(size),"
        " COUNT(CASE WHEN removed = 2 THEN 1 END), SUM(CASE WHEN removed = 2 THEN size ELSE 0 END)"
        " FROM member WHERE account = ? AND container = ? AND removed <> 1",
        (account, container),
    )
    assert row is not None
    count, unseen, octets, deleted, deleted_octets = (int(str(value or 0)) for value in row)
    return count, unseen, octets, deleted, deleted_octets


def removed_uids(db: Connection, account: str, container: str, since: int) -> list[int]:
    """The uids of what was removed after a number, rising, as far as it is known: see `known_since`."""
    sql = "SELECT uid FROM member WHERE account = ? AND container = ? AND removed = 1 AND modseq > ? ORDER BY uid"
    return [uid for (uid,) in db.rows(sql, (account, container, since))]  # type: ignore[misc]


def known_since(db: Connection, account: str) -> int:
    """The number below which removed members were forgotten."""
    sql = f"SELECT MAX(modseq) FROM floor WHERE account = ? AND type IN ({_MARKS})"
    return _int(db.row(sql, (account, *_TYPES)))


def _columns(names: str, epoch: int) -> tuple[str, list[Value]]:
    if not epoch:
        return names.format(modseq="m.modseq"), []
    return names.format(modseq="CASE WHEN m.modseq < ? THEN ? ELSE m.modseq END"), [epoch, epoch]


def _uids(span: Span) -> tuple[int, int]:
    return span.first, _LAST if span.last is None else span.last


def _epoch(db: Connection, account: str) -> int:
    return _int(db.row("SELECT epoch FROM account WHERE id = ?", (account,)))


def _numbers(db: Connection, account: str, container: str) -> tuple[int, int]:
    """The account's epoch, and the number of the last change in a container."""
    sql = (
        "SELECT a.epoch, COALESCE(c.modseq, 0) FROM account a LEFT JOIN container c ON c.account = a.id AND c.id = ?"
        " WHERE a.id = ?"
    )
    row = db.row(sql, (container, account))
    return (int(str(row[0])), int(str(row[1]))) if row is not None else (0, 0)


def _is_long(db: Connection, account: str, since: int) -> bool:
    log = f"SELECT 1 FROM record WHERE account = ? AND type IN ({_MARKS}) AND modseq > ? LIMIT ?"
    return _int(db.row(f"SELECT COUNT(*) FROM ({log}) x", (account, *_TYPES, since, _FEW))) >= _FEW


def _int(row: tuple[object, ...] | None) -> int:
    return int(str(row[0])) if row is not None and row[0] is not None else 0
