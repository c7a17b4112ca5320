"""The embedded store: one SQLite database in a directory, and writing in groups that share one commit.

A commit costs a sync of the disk, so bodies that arrive while one commit runs share the next. `EmbeddedStore.write`
does it for plain synchronous callers; the servers' bridge drives the same `Writer` step by step.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pillarbox.core.clock import Clock
from pillarbox.core.durability import sync_directory
from pillarbox.core.faults import Fault, Kind
from pillarbox.core.limits import Limits
from pillarbox.storage.blob import BlobStore
from pillarbox.storage.blob_file import FileBlobs
from pillarbox.storage.database import StoreError, Undone
from pillarbox.storage.embedded_writer import Writer
from pillarbox.storage.epoch import begin_epochs
from pillarbox.storage.migration import migrate
from pillarbox.storage.presence import Presence
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.sqlite import FileLock, SqliteConnection, open_reader, open_writer
from pillarbox.storage.store import Store
from pillarbox.storage.transaction import Transaction

T = TypeVar("T")
_FILE = "pillarbox.sqlite3"
_BLOBS = "blobs"
_log = logging.getLogger("pillarbox.store")


class EmbeddedStore(Store):
    """A directory with one SQLite database and a folder of large blobs."""

    def __init__(
        self,
        folder: Path,
        *,
        limits: Limits | None = None,
        clock: Clock | None = None,
        blobs: BlobStore | None = None,
    ) -> None:
        """Open the store, making or migrating it as needed. Raises StoreError with what to do when it cannot.

        `blobs` says where large blobs are: in files of the directory unless told otherwise.
        """
        super().__init__(folder, FileBlobs(folder / _BLOBS) if blobs is None else blobs, limits, clock)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot make the data directory {folder}: {error}") from error
        self.path = folder / _FILE
        lock = FileLock(folder / "write.lock")
        lock.acquire()
        try:
            self._begin(folder, lock)
        except BaseException:
            lock.close()
            raise
        lock.release()
        self._free: list[SqliteConnection] = []
        self._looking: SqliteConnection | None = None

    def _begin(self, folder: Path, lock: FileLock) -> None:
        """Open the database alone, and find out what became of it since it was last open."""
        db = _opened(self.path)
        self.presence = Presence(folder)
        try:
            is_lost = self.presence.begin()
            if is_lost:
                _recover(db, self.clock.now_ms())
            self.writer = Writer(self, self.path, self.presence, db, lock)
            self.writer.sync()
            sync_directory(folder)  # SQLite syncs its log without the folder that names it
            if is_lost:  # and not before: who is killed up to here finds it so again
                self.presence.recovered()
        except BaseException:
            self.presence.give_up()
            db.close()
            raise

    @contextmanager
    def snapshot(self, budget: float | None = None) -> Iterator[Snapshot]:
        db: SqliteConnection | None = None
        try:
            db = self._take_reader()
            db.begin("BEGIN")
            db.set_budget(budget)
            view = Snapshot(db, self.blobs, self.limits, self.clock, self.cache)
            view.hurried = budget is not None
            yield view
        except Undone as error:
            raise Fault(Kind.UNAVAILABLE, "the store cannot be read") from error
        finally:
            if db is not None:
                self._give_back(db)

    def _take_reader(self) -> SqliteConnection:
        try:
            return self._free.pop()
        except IndexError:  # another thread may take the last one at any moment
            return open_reader(self.path)

    def _give_back(self, db: SqliteConnection) -> None:
        db.set_budget(None)
        if db.is_undone:
            db.close()
            return
        db.run("COMMIT")
        self._free.append(db)

    def write(self, body: Callable[[Transaction], T]) -> T:
        self.writer.begin()
        try:
            result = self.writer.run(body)
        except BaseException:
            self.writer.rollback()
            raise
        changed = self.writer.commit()
        self.announce(changed)
        if self.writer.log_is_long:
            self.checkpoint()
        return result

    def own_blobs(self) -> BlobStore:
        return FileBlobs(self.folder / _BLOBS)

    def checkpoint(self) -> None:
        db = SqliteConnection(self.path, writer=True)
        try:
            db.native.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        finally:
            db.close()

    def data_version(self) -> int:
        if self._looking is None:
            self._looking = SqliteConnection(self.path, writer=False)
        return self._looking.data_version()

    def close(self) -> None:
        """Close all connections; the last one to close folds the log into the database."""
        for db in (*self._free, *([self._looking] if self._looking else [])):
            db.close()
        self._free.clear()
        self._looking = None
        self.writer.close()
        self.presence.end()


def _recover(db: SqliteConnection, now_ms: int) -> None:
    """After the machine went down, or the disk refused a sync: what clients know may be more than the disk does.

    The log is given up first. After a failed sync its pages are in the system's memory, marked as written: a sync that
    succeeds says nothing of them, and what is appended behind a page that the disk does not have would be lost with it.
    """
    db.fold_log()
    db.run("BEGIN IMMEDIATE")
    accounts = begin_epochs(db, now_ms)
    db.run("COMMIT")
    _log.warning("the machine went down while the store was open: clients of %d accounts begin anew", accounts)


def _opened(path: Path) -> SqliteConnection:
    db = open_writer(path)
    try:
        migrate(db)
    except BaseException:
        db.close()
        raise
    return db
