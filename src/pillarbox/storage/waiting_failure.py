"""Messages that failed and wait to be told of, for all processes. They belong to no account: no number is taken."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from pillarbox.storage.database import Connection

_COLUMNS = "domain, network, kind, due_at, incidents, body"


class Likeness(NamedTuple):
    """What is the same of failures that are told as one."""

    domain: str
    network: str
    kind: str


class Waiting(msgspec.Struct, frozen=True):
    """So many failures that are alike; `due_at` in milliseconds since 1970, `body` tells of the first of them."""

    domain: str
    network: str
    kind: str
    due_at: int
    incidents: int
    body: str

    @property
    def likeness(self) -> Likeness:
        """What they have in common."""
        return Likeness(self.domain, self.network, self.kind)


class Room(NamedTuple):
    """How many rows may wait in all, of one network and of one domain."""

    all: int
    network: int
    domain: int


def add(db: Connection, like: Likeness, incidents: int) -> bool:
    """Count more of what waits; whether its like does."""
    sql = (
        "UPDATE waiting_failure SET incidents = incidents + ? WHERE domain = ? AND network = ? AND kind = ?"
        " RETURNING kind"
    )
    return db.row(sql, (incidents, *like)) is not None


def keep(db: Connection, waiting: Waiting, room: Room) -> bool:
    """Have it wait, if there is room for it; whether there was."""
    for column, value, most in (
        ("network", waiting.network, room.network),
        ("domain", waiting.domain, room.domain),
        ("", "", room.all),
    ):
        where = f" WHERE {column} = ?" if column else ""
        row = db.row(f"SELECT COUNT(*) FROM waiting_failure{where}", (value,) if column else ())
        if row is None or int(str(row[0])) >= most:
            return False
    db.run(
        f"INSERT INTO waiting_failure ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (domain, network, kind)"
        " DO UPDATE SET incidents = waiting_failure.incidents + excluded.incidents",
        msgspec.structs.astuple(waiting),
    )
    return True


def found(
    db: Connection, most: int, *, since: int = 0, until: int = 1 << 52, domain: str | None = None
) -> list[Waiting]:
    """What is due between two times, these included, what is due first at first; of all domains or of one."""
    sql = f"SELECT {_COLUMNS} FROM waiting_failure WHERE due_at >= ? AND due_at <= ?"
    if domain is not None:
        sql += " AND domain = ?"
    sql += " ORDER BY due_at, domain, network, kind LIMIT ?"
    rows = db.rows(sql, (since, until, *([domain] if domain is not None else []), most))
    return [Waiting(*row) for row in rows]  # type: ignore[arg-type]


def drop(db: Connection, like: Likeness) -> bool:
    """Take away what has waited; whether it was there."""
    sql = "DELETE FROM waiting_failure WHERE domain = ? AND network = ? AND kind = ? RETURNING kind"
    return db.row(sql, like) is not None


def drop_before(db: Connection, due_at: int) -> None:
    """Take away what was due before a time: nobody has told of it, and it is no news any more."""
    db.run("DELETE FROM waiting_failure WHERE due_at < ?", (due_at,))
