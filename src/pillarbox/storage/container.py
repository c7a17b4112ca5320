"""Containers as rows: the uids they give out, and what makes these valid (RFC 9051 §2.3.1.1)."""

from __future__ import annotations

from collections.abc import Sequence

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.membership import Container
from pillarbox.datatypes.registry import TYPES
from pillarbox.storage.database import Connection

_TYPES = tuple(kind.name for kind in TYPES if kind.is_container)
_MARKS = ",".join("?" * len(_TYPES))
_AT_ONCE = 500


def add_container(db: Connection, account: str, id: str, number: int, now_ms: int) -> None:
    """Begin a container.

    RFC 9051 §2.3.1.1: name, UIDVALIDITY and UID "must refer to a single, immutable" message "forever". Mailboxes of one
    account exchange their names, and what a restore has lost must not come again: so it is the time, and always rises.
    """
    db.run(
        "INSERT INTO container (account, id, next_uid, modseq, validity) VALUES (?, ?, 1, ?,"
        " (SELECT CASE WHEN COALESCE(MAX(validity), 0) < ? THEN ? ELSE MAX(validity) + 1 END"
        " FROM container WHERE account = ?)) ON CONFLICT (account, id) DO NOTHING",
        (account, id, number, now_ms // 1000, now_ms // 1000, account),
    )


def complete_containers(db: Connection, account: str, now_ms: int) -> None:
    """Give containers what rows of an older schema do not tell."""
    number = _int(db.row("SELECT modseq FROM account WHERE id = ?", (account,)))
    sql = f"SELECT id FROM record WHERE account = ? AND type IN ({_MARKS}) AND destroyed = 0 ORDER BY id"
    for (id,) in db.rows(sql, (account, *_TYPES)):
        add_container(db, account, str(id), number, now_ms)
    at = max(now_ms // 1000, _int(db.row("SELECT MAX(validity) FROM container WHERE account = ?", (account,))) + 1)
    for (id,) in db.rows("SELECT id FROM container WHERE account = ? AND validity = 0 ORDER BY id", (account,)):
        sql = "UPDATE container SET validity = ?, modseq = ? WHERE account = ? AND id = ?"
        db.run(sql, (at, number, account, str(id)))
        at += 1


def next_uid(db: Connection, account: str, id: str, number: int) -> int:
    """Give out a uid, and note the number of the change."""
    row = db.row(
        "INSERT INTO container (account, id, next_uid, modseq) VALUES (?, ?, 2, ?)"
        " ON CONFLICT (account, id) DO UPDATE SET next_uid = container.next_uid + 1, modseq = excluded.modseq"
        " RETURNING next_uid - 1",
        (account, id, number),
    )
    return _int(row)


def container(db: Connection, account: str, id: str) -> Container:
    """The numbers of a container. Raises notFound when there is none of this id."""
    row = db.row(
        "SELECT c.next_uid, c.validity, c.modseq, a.epoch, c.first_recent FROM record r"
        " JOIN account a ON a.id = r.account JOIN container c ON c.account = r.account AND c.id = r.id"
        f" WHERE r.account = ? AND r.type IN ({_MARKS}) AND r.id = ? AND r.destroyed = 0",
        (account, *_TYPES, id),
    )
    if row is None:
        raise Fault(Kind.NOT_FOUND, "there is no such mailbox")
    return _of(*row)


def containers(db: Connection, account: str, ids: Sequence[str]) -> dict[str, Container]:
    """The numbers of containers that are there, by id."""
    out: dict[str, Container] = {}
    for start in range(0, len(ids), _AT_ONCE):
        part = list(ids[start : start + _AT_ONCE])
        part += part[-1:] * ((1 << (len(part) - 1).bit_length()) - len(part))  # few lengths: few statements
        sql = (
            "SELECT c.id, c.next_uid, c.validity, c.modseq, a.epoch, c.first_recent"
            " FROM container c JOIN account a ON a.id = c.account"
            f" WHERE c.account = ? AND c.id IN ({','.join('?' * len(part))})"
        )
        for id, *numbers in db.rows(sql, (account, *part)):
            out[str(id)] = _of(*numbers)
    return out


def pass_recent(db: Connection, account: str, id: str, uid: int) -> int:
    """Have no message below a uid recent any more, which is no change to others; from which on they were till now."""
    was = _int(db.row("SELECT first_recent FROM container WHERE account = ? AND id = ?", (account, id)))
    sql = "UPDATE container SET first_recent = ? WHERE account = ? AND id = ? AND first_recent < ?"
    db.run(sql, (uid, account, id, uid))
    return was


def _of(*row: object) -> Container:
    next_uid, validity, modseq, epoch, first_recent = (int(str(value)) for value in row)
    return Container(next_uid, validity, max(modseq, epoch), first_recent)


def _int(row: tuple[object, ...] | None) -> int:
    return int(str(row[0])) if row is not None and row[0] is not None else 0
