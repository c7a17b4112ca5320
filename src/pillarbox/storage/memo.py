"""Memos: small facts that are remembered until a time, and then forgotten without anybody noticing."""

from __future__ import annotations

from pillarbox.storage.database import Connection


def find(db: Connection, account: str, kind: str, name: str, now_ms: int) -> str | None:
    """The value of a memo whose time is not over."""
    sql = "SELECT value FROM memo WHERE account = ? AND kind = ? AND name = ? AND expires_at > ?"
    row = db.row(sql, (account, kind, name, now_ms))
    return str(row[0]) if row is not None else None


def accounts(db: Connection, kind: str, name: str, now_ms: int) -> list[str]:
    """The accounts that have a memo whose time is not over. Reads all memos: for administrators."""
    sql = "SELECT account FROM memo WHERE kind = ? AND name = ? AND expires_at > ? ORDER BY account"
    return [str(account) for (account,) in db.rows(sql, (kind, name, now_ms))]


def keep(db: Connection, account: str, kind: str, name: str, value: str, expires_at: int) -> None:
    """Remember a value until a time, in milliseconds since 1970; it takes the place of the one of that name."""
    db.run(
        "INSERT INTO memo (account, kind, name, value, expires_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (account, kind, name) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at",
        (account, kind, name, value, expires_at),
    )


def forget(db: Connection, account: str, kind: str) -> None:
    """Forget all memos of a kind."""
    db.run("DELETE FROM memo WHERE account = ? AND kind = ?", (account, kind))


def drop_expired(db: Connection, now_ms: int, limit: int) -> int:
    """Delete memos whose time is over, those first that are over the longest; how many."""
    sql = "SELECT account, kind, name FROM memo WHERE expires_at <= ? ORDER BY expires_at LIMIT ?"
    rows = db.rows(sql, (now_ms, limit))
    for account, kind, name in rows:
        db.run("DELETE FROM memo WHERE account = ? AND kind = ? AND name = ?", (str(account), str(kind), str(name)))
    return len(rows)
