"""Forward-only, numbered steps that bring a store to this version's schema, each with its stamp in one transaction."""

from __future__ import annotations

import re
from importlib import resources
from importlib.resources.abc import Traversable

from pillarbox.storage.database import StoreError
from pillarbox.storage.sqlite import SqliteConnection

_STEP = re.compile(r"(\d{4})_[a-z0-9_]+\.sql\Z")


def steps(engine: str, folder: Traversable | None = None) -> list[tuple[int, str, str]]:
    """(number, common SQL, the engine's own SQL) of every step, in order.

    Raises StoreError when two have one number: of a store that has one of them, nobody could say which.
    """
    folder = folder or resources.files("pillarbox.storage") / "schema"
    out: list[tuple[int, str, str]] = []
    names: dict[int, str] = {}
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if found := _STEP.match(entry.name):
            number = int(found[1])
            if (other := names.setdefault(number, entry.name)) != entry.name:
                raise StoreError(
                    f"two steps of the schema have the number {number}: {other} and {entry.name}."
                    " Whichever came later needs the next free number."
                )
            own = folder / entry.name.replace(".sql", f".{engine}.sql")
            out.append((number, entry.read_text("utf-8"), own.read_text("utf-8") if own.is_file() else ""))
    return out


def check_version(have: int, engine: str) -> int:
    """The newest version that this Pillarbox knows.

    Raises StoreError for a store that a newer one has written: going back would lose what only that one knows.
    """
    newest = steps(engine)[-1][0]
    if have > newest:
        raise StoreError(
            f"this store has schema version {have}, made by a newer Pillarbox; this one knows up to {newest}. "
            "Run the newer version, or restore a backup that this version made."
        )
    return newest


def version(db: SqliteConnection) -> int:
    """The number of the last step that the store has; 0 for an empty one."""
    if db.row("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'") is None:
        return 0
    found = db.row("SELECT MAX(number) FROM schema_version")
    return int(str(found[0])) if found and found[0] is not None else 0


def migrate(db: SqliteConnection) -> int:
    """Bring the embedded store up to date and return its version. Raises StoreError for one of a newer Pillarbox.

    The caller holds the store's write lock.
    """
    db.run("BEGIN IMMEDIATE")
    try:
        have = version(db)
        newest = check_version(have, "sqlite")
        db.run("CREATE TABLE IF NOT EXISTS schema_version (number INTEGER PRIMARY KEY)")
        for number, common, own in steps("sqlite"):
            if number > have:
                db.script(common + own)
                db.run("INSERT INTO schema_version (number) VALUES (?)", (number,))
    except BaseException:
        db.run("ROLLBACK")
        raise
    db.run("COMMIT")
    return newest
