"""What a fetch from another server remembers of it, so that it can go on and bring what is new.

A small SQLite file beside the store, one for each account of a source. It may be lost: what it knew is then fetched
again, and recognised. So it is written after the store, and without waiting for the disk.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

import apsw

from pillarbox.storage.database import StoreError
from pillarbox.storage.sqlite import FileLock

_VERSION = 1
_SCHEMA = """
CREATE TABLE folder (
    id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, uid_validity INTEGER NOT NULL,
    uid_last INTEGER NOT NULL DEFAULT 0, modseq INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE message (
    folder INTEGER NOT NULL, uid INTEGER NOT NULL, size INTEGER NOT NULL, words TEXT NOT NULL, labels TEXT NOT NULL,
    is_deleted INTEGER NOT NULL, email TEXT, boxes TEXT NOT NULL DEFAULT '[]', fault TEXT, PRIMARY KEY (folder, uid)
) WITHOUT ROWID;
CREATE INDEX message_email ON message (email) WHERE email IS NOT NULL;
CREATE TABLE gone (email TEXT NOT NULL, box TEXT NOT NULL, PRIMARY KEY (email, box)) WITHOUT ROWID;
"""
_PENDING = "folder = ? AND email IS NULL AND fault IS NULL AND is_deleted <= ?"


class FolderState(NamedTuple):
    """How far a folder of the source is known: up to which UID, and to which HIGHESTMODSEQ (0: not told)."""

    id: int
    uid_last: int
    modseq: int


class Known(NamedTuple):
    """A message of the source as it was last seen; `email` is None while it is not in the store."""

    uid: int
    size: int
    words: str  # its keywords, sorted, between spaces
    labels: str
    is_deleted: bool
    email: str | None = None
    boxes: tuple[str, ...] = ()  # the mailboxes that it was put into because of this message


class FetchState:
    """The memory of one account of one source. For one thread."""

    def __init__(self, path: Path, *, keep: bool = True) -> None:
        """Open or make it; with `keep` off, what changes is forgotten at the end. Raises StoreError."""
        self._lock: FileLock | None = None
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = FileLock(path.with_suffix(".lock"))
            if not self._lock.try_acquire():
                raise StoreError("another fetch of this account is running")
            self._db = self._opened(path, keep=keep)
        except (OSError, apsw.Error) as error:
            self.close()
            raise StoreError(f"cannot open {path}: {error}") from error
        except BaseException:
            self.close()
            raise

    def _opened(self, path: Path, *, keep: bool) -> apsw.Connection:
        db = apsw.Connection(str(path)) if keep or path.exists() else apsw.Connection(":memory:")
        if not keep and path.exists():
            with db:
                copy = apsw.Connection(":memory:")
                with copy.backup("main", db, "main") as backup:
                    backup.step()
            db.close()
            db = copy
        db.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL").fetchall()
        if db.pragma("user_version") != _VERSION:  # another version's, or new: nothing of worth is lost
            with db:
                for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
                    db.execute(f"DROP TABLE {name}")
                db.execute(_SCHEMA)
                db.pragma("user_version", _VERSION)
        db.execute("CREATE TEMP TABLE present (uid INTEGER PRIMARY KEY)")
        return db

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let another run have it."""
        if hasattr(self, "_db"):
            self._db.close()
        if self._lock is not None:
            self._lock.close()

    def _rows(self, sql: str, *values: int | str | bytes) -> list[Any]:
        return self._db.execute(sql, values).fetchall()

    def begin(self, name: bytes, uid_validity: int) -> FolderState:
        """The state of a folder. What was refused before will be tried again.

        RFC 9051 §2.3.1.1: when the UIDVALIDITY is another one, the UIDs mean other messages; the old ones are then
        those of a folder that is no more.
        """
        with self._db:
            row = self._db.execute("SELECT id, uid_validity FROM folder WHERE name = ?", (name,)).fetchone()
            if row is not None and row[1] != uid_validity:
                retired = b"%b\0%d.%d" % (name, row[1], row[0])  # no folder's name: RFC 9051 §9 has no NUL in strings
                self._db.execute("UPDATE folder SET name = ? WHERE id = ?", (retired, row[0]))
                row = None
            if row is None:
                self._db.execute("INSERT INTO folder (name, uid_validity) VALUES (?, ?)", (name, uid_validity))
            self._db.execute(
                "UPDATE message SET fault = NULL"
                " WHERE folder = (SELECT id FROM folder WHERE name = ?) AND fault IS NOT NULL",
                (name,),
            )
        return FolderState(*self._rows("SELECT id, uid_last, modseq FROM folder WHERE name = ?", name)[0])

    def add(self, folder: int, listed: Sequence[Known]) -> None:
        """Note messages that are new at the source, in rising order of UIDs."""
        with self._db:
            self._db.executemany(
                "INSERT OR IGNORE INTO message (folder, uid, size, words, labels, is_deleted)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [(folder, k.uid, k.size, k.words, k.labels, k.is_deleted) for k in listed],
            )
            last = max(one.uid for one in listed)
            self._db.execute("UPDATE folder SET uid_last = max(uid_last, ?) WHERE id = ?", (last, folder))

    def finish(self, folder: int, modseq: int) -> None:
        """All changes of a folder up to this number are known."""
        self._db.execute("UPDATE folder SET modseq = ? WHERE id = ?", (modseq, folder))

    def count(self, folder: int) -> int:
        """How many messages of a folder are known."""
        return int(self._rows("SELECT count(*) FROM message WHERE folder = ?", folder)[0][0])

    def pending(self, folder: int, *, deleted: bool, limit: int) -> list[tuple[int, int]]:
        """(UID, size) of messages that are still to be fetched; with or without those marked as deleted."""
        sql = f"SELECT uid, size FROM message WHERE {_PENDING} ORDER BY uid LIMIT ?"
        return self._rows(sql, folder, int(deleted), limit)

    def pending_total(self, folder: int, *, deleted: bool) -> tuple[int, int]:
        """(count, octets) of these."""
        sql = f"SELECT count(*), coalesce(sum(size), 0) FROM message WHERE {_PENDING}"
        count, octets = self._rows(sql, folder, int(deleted))[0]
        return count, octets

    def deleted_count(self, folder: int) -> int:
        """How many messages that are not in the store are marked as deleted at the source."""
        sql = "SELECT count(*) FROM message WHERE folder = ? AND email IS NULL AND is_deleted"
        return int(self._rows(sql, folder)[0][0])

    def known(self, folder: int, uids: Iterable[int]) -> dict[int, Known]:
        """Those of these messages that are known."""
        sql = (
            "SELECT uid, size, words, labels, is_deleted, email, boxes FROM message"
            " WHERE folder = ? AND uid IN (SELECT value FROM json_each(?))"
        )
        rows = self._rows(sql, folder, json.dumps(list(uids)))
        return {
            uid: Known(uid, size, words, labels, bool(is_deleted), email, tuple(json.loads(boxes)))
            for uid, size, words, labels, is_deleted, email, boxes in rows
        }

    def update(self, folder: int, known: Iterable[Known]) -> None:
        """Note what messages are like now: their words and labels, and where they are in the store."""
        with self._db:
            self._db.executemany(
                "UPDATE message SET words = ?, labels = ?, is_deleted = ?, email = ?, boxes = ?, fault = NULL"
                " WHERE folder = ? AND uid = ?",
                [(k.words, k.labels, k.is_deleted, k.email, json.dumps(k.boxes), folder, k.uid) for k in known],
            )

    def refuse(self, folder: int, uid: int, reason: str) -> None:
        """Pass a message over for the rest of this run."""
        self._db.execute("UPDATE message SET fault = ? WHERE folder = ? AND uid = ?", (reason, folder, uid))

    def forget(self, folder: int, uids: Iterable[int]) -> None:
        """Messages that are gone at the source before they were fetched."""
        with self._db:
            self._db.executemany("DELETE FROM message WHERE folder = ? AND uid = ?", [(folder, uid) for uid in uids])

    # --- what is gone at the source

    def note_gone(self, pairs: Iterable[tuple[str, str]]) -> None:
        """(email, mailbox) for which a message of the source was the reason; whether another is left is seen later."""
        with self._db:
            self._db.executemany("INSERT OR IGNORE INTO gone VALUES (?, ?)", pairs)

    def keep_only(self, folder: int, batches: Iterable[Sequence[int]]) -> int:
        """Of a folder only these UIDs are left at the source: the others are forgotten, and noted as gone. How many."""
        with self._db:
            self._db.execute("DELETE FROM present")
            for uids in batches:
                self._db.execute("INSERT OR IGNORE INTO present SELECT value FROM json_each(?)", (json.dumps(uids),))
        return self._drop_absent(folder)

    def keep_folders(self, names: Iterable[bytes]) -> int:
        """Only these folders are left at the source: the same for the messages of the others. How many."""
        kept, count = set(names), 0
        with self._db:
            self._db.execute("DELETE FROM present")
            for id, name in self._rows("SELECT id, name FROM folder"):
                if name not in kept:
                    count += self._drop_absent(id)
                    self._db.execute("DELETE FROM folder WHERE id = ?", (id,))
        return count

    def _drop_absent(self, folder: int) -> int:
        absent = "folder = ? AND uid NOT IN (SELECT uid FROM present)"
        with self._db:
            self._db.execute(
                "INSERT OR IGNORE INTO gone SELECT m.email, j.value FROM message m, json_each(m.boxes) j"
                f" WHERE {absent} AND m.email IS NOT NULL",
                (folder,),
            )
            self._db.execute(f"DELETE FROM message WHERE {absent}", (folder,))
        return self._db.changes()

    def gone(self, limit: int) -> Iterator[list[tuple[str, str]]]:
        """The (email, mailbox) for which no message of the source is left, in lists that are forgotten one by one."""
        self._db.execute(
            "DELETE FROM gone WHERE EXISTS (SELECT 1 FROM message m, json_each(m.boxes) j"
            " WHERE m.email = gone.email AND j.value = gone.box)"
        )
        while pairs := self._rows("SELECT email, box FROM gone LIMIT ?", limit):
            yield pairs
            with self._db:
                self._db.executemany("DELETE FROM gone WHERE email = ? AND box = ?", pairs)


@contextmanager
def no_state_errors() -> Iterator[None]:
    """Tell the errors of the memory's database as StoreError."""
    try:
        yield
    except apsw.Error as error:
        raise StoreError(f"what the fetch remembers cannot be written: {error}") from error
