"""Rows of tickets: added, looked for, and taken by whoever comes first."""

from __future__ import annotations

from pillarbox.datatypes.ticket import Ticket
from pillarbox.storage.database import Connection


def add(db: Connection, ticket: Ticket) -> None:
    """Store a ticket."""
    db.run(
        "INSERT INTO ticket (account, digest, app_password, proof, expires_at) VALUES (?, ?, ?, ?, ?)",
        (ticket.account, ticket.digest, ticket.app_password, ticket.proof, ticket.expires_at),
    )


def drop_expired(db: Connection, account: str, now_ms: int) -> int:
    """Forget the account's tickets whose time is over; returns how many are left."""
    db.run("DELETE FROM ticket WHERE account = ? AND expires_at <= ?", (account, now_ms))
    row = db.row("SELECT COUNT(*) FROM ticket WHERE account = ?", (account,))
    return int(str(row[0])) if row else 0


def exists(db: Connection, account: str, digest: str) -> bool:
    """Whether there is such a ticket."""
    return db.row("SELECT 1 FROM ticket WHERE account = ? AND digest = ?", (account, digest)) is not None


def take(db: Connection, account: str, digest: str) -> Ticket | None:
    """The ticket, which is then no longer there: of two that ask for it, one gets it."""
    row = db.row(
        "DELETE FROM ticket WHERE account = ? AND digest = ? RETURNING app_password, proof, expires_at",
        (account, digest),
    )
    if row is None:
        return None
    return Ticket(
        account=account, digest=digest, app_password=str(row[0]), proof=str(row[1]), expires_at=int(str(row[2]))
    )
