"""Rows of what reports to other domains will say. They belong to no account: no number is taken for them.

All nodes add to the same rows; who sends a report takes them away in the transaction that queues it.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pillarbox.storage.database import Connection


class Counted(msgspec.Struct, frozen=True, order=True):
    """`what` was seen so often, of a kind of report, on a day (its number since 1970), about a domain."""

    kind: str
    day: int
    domain: str
    digest: str  # of `what`
    what: str
    total: int


def add(db: Connection, rows: Iterable[Counted]) -> None:
    """Add to what was counted; always in the same order, so that nodes do not wait for each other in a circle."""
    for row in sorted(rows):
        db.run(
            "INSERT INTO report_count (kind, day, domain, digest, what, total) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (kind, day, domain, digest) DO UPDATE SET total = report_count.total + excluded.total",
            (row.kind, row.day, row.domain, row.digest, row.what, row.total),
        )


def size(db: Connection, kind: str, day: int, most: int) -> int:
    """How many rows a day has, counted up to so many."""
    sql = "SELECT COUNT(*) FROM (SELECT 1 AS one FROM report_count WHERE kind = ? AND day = ? LIMIT ?) AS counted"
    row = db.row(sql, (kind, day, most))
    return int(str(row[0])) if row is not None else 0


def due(db: Connection, kind: str, before: int, most: int) -> list[tuple[int, str]]:
    """(day, domain) of what was counted before a day, oldest first."""
    sql = "SELECT DISTINCT day, domain FROM report_count WHERE kind = ? AND day < ? ORDER BY day, domain LIMIT ?"
    return [(int(str(day)), str(domain)) for day, domain in db.rows(sql, (kind, before, most))]


def rows_of(db: Connection, kind: str, day: int, domain: str, most: int) -> list[Counted]:
    """What was counted about a domain, the most frequent first."""
    sql = (
        "SELECT digest, what, total FROM report_count WHERE kind = ? AND day = ? AND domain = ?"
        " ORDER BY total DESC, digest LIMIT ?"
    )
    found = db.rows(sql, (kind, day, domain, most))
    return [Counted(kind, day, domain, str(digest), str(what), int(str(total))) for digest, what, total in found]


def drop(db: Connection, kind: str, day: int, domain: str) -> bool:
    """Forget what was counted about a domain on a day; whether there was anything."""
    rows = db.rows(
        "DELETE FROM report_count WHERE kind = ? AND day = ? AND domain = ? RETURNING 1", (kind, day, domain)
    )
    return bool(rows)


class Pending(msgspec.Struct, frozen=True):
    """What was counted for one report that has not left: rows, and what they add up to."""

    kind: str
    day: int
    domain: str
    rows: int
    total: int


def pending(
    db: Connection, most: int, kind: str | None = None, day: int | None = None, domain: str | None = None
) -> list[Pending]:
    """Reports that have not left, the oldest day first: of a kind, a day and a domain, where these are given."""
    wanted = {"kind": kind, "day": day, "domain": domain}
    given = {name: value for name, value in wanted.items() if value is not None}
    sql = "SELECT kind, day, domain, COUNT(*), SUM(total) FROM report_count"
    if given:
        sql += " WHERE " + " AND ".join(name + " = ?" for name in given)
    sql += " GROUP BY kind, day, domain ORDER BY day, kind, domain LIMIT ?"
    return [
        Pending(str(kind), int(str(day)), str(domain), int(str(rows)), int(str(total)))
        for kind, day, domain, rows, total in db.rows(sql, (*given.values(), most))
    ]
