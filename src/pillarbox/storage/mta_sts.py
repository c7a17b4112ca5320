"""Rows of other domains' MTA-STS policies, as they were fetched. They belong to no account."""

from __future__ import annotations

import msgspec

from pillarbox.storage.database import Connection

_AT_ONCE = 100


class Fetched(msgspec.Struct, frozen=True):
    """A policy's text, its id in the DNS, and when it was fetched and ends, in milliseconds."""

    id: str
    policy: bytes
    fetched_at: int
    expires_at: int


def find(db: Connection, domain: str, now_ms: int) -> Fetched | None:
    """The policy of a domain, if it has not expired."""
    row = db.row(
        "SELECT id, policy, fetched_at, expires_at FROM mta_sts WHERE domain = ? AND expires_at > ?", (domain, now_ms)
    )
    if row is None:
        return None
    return Fetched(str(row[0]), str(row[1]).encode(), int(str(row[2])), int(str(row[3])))


def put(db: Connection, domain: str, fetched: Fetched) -> None:
    """Keep a policy instead of the one before, and forget some that have expired."""
    old = db.rows("SELECT domain FROM mta_sts WHERE expires_at <= ? LIMIT ?", (fetched.fetched_at, _AT_ONCE))
    for (name,) in old:
        db.run("DELETE FROM mta_sts WHERE domain = ?", (str(name),))
    db.run(
        "INSERT INTO mta_sts (domain, id, policy, fetched_at, expires_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (domain) DO UPDATE SET id = excluded.id, policy = excluded.policy,"
        " fetched_at = excluded.fetched_at, expires_at = excluded.expires_at",
        (domain, fetched.id, fetched.policy.decode(), fetched.fetched_at, fetched.expires_at),
    )
