"""The schema of a database, brought up to date by one node at a time."""

from __future__ import annotations

from pillarbox.storage.migration import check_version, steps
from pillarbox.storage.postgresql.connection import PostgresConnection
from pillarbox.storage.postgresql.dialect import schema

_LOCK = 0x50494C4C41524258  # "PILLARBX": who migrates holds this advisory lock


def migrate(db: PostgresConnection) -> int:
    """Make or migrate the schema, and return its version. Raises StoreError for one of a newer Pillarbox."""
    db.run("BEGIN ISOLATION LEVEL READ COMMITTED")  # what the node before us committed has to be seen
    try:
        db.run("SELECT pg_advisory_xact_lock(?)", (_LOCK,))
        newest = _migrate(db)
    except BaseException:
        db.run("ROLLBACK")
        raise
    db.commit()
    return newest


def _migrate(db: PostgresConnection) -> int:
    have = _version(db)
    newest = check_version(have, "postgresql")
    db.run("CREATE TABLE IF NOT EXISTS schema_version (number INTEGER PRIMARY KEY)")
    for number, common, own in steps("postgresql"):
        if number > have:
            db.script(schema(common))
            if own:
                db.script(own)
            db.run("INSERT INTO schema_version (number) VALUES (?)", (number,))
    return newest


def _version(db: PostgresConnection) -> int:
    if db.row("SELECT to_regclass('schema_version')") == (None,):
        return 0
    found = db.row("SELECT MAX(number) FROM schema_version")
    return int(found[0]) if found and found[0] is not None else 0
