"""The embedded store: one SQLite database in a directory, and writing in groups that share one commit.

A commit costs a sync of the disk, so bodies that arrive while one commit runs share the next. `EmbeddedStore.write`
does it for plain synchronous callers; the servers' bridge drives the same `Writer` step by step.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pillarbox.core.clock import Clock
from pillarbox.core.limits import Limits
from pillarbox.storage import text_index
from pillarbox.storage.blob import BlobStore
from pillarbox.storage.blob_file import FileBlobs
from pillarbox.storage.database import StoreError, SyncError
from pillarbox.storage.epoch import begin_epochs
from pillarbox.storage.migration import migrate
from pillarbox.storage.presence import Presence
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.sqlite import FileLock, SqliteConnection, open_writer
from pillarbox.storage.store import Changed, Store
from pillarbox.storage.transaction import Transaction
from pillarbox.storage.working_set import WorkingSet

T = TypeVar("T")
_FILE = "pillarbox.sqlite3"
_BLOBS = "blobs"
_LONG_LOG = 4_000  # pages
_log = logging.getLogger("pillarbox.store")


class Writer:
    """The one writing connection of a process. Steps: begin, run each body, commit. Not for two threads at a time."""

    def __init__(self, store: EmbeddedStore, db: SqliteConnection, lock: FileLock) -> None:
        self._store = store
        self._db = db
        self._lock = lock
        self._mine = threading.Lock()  # between the threads of this process, which share the file lock
        self.restart_log = False  # set after a checkpoint: the next commit has the log begin anew
        self._known = WorkingSet()
        # The file stays the same for as long as a connection is open, as ours is.
        self._log = os.open(f"{store.path}-wal", os.O_RDWR | os.O_CLOEXEC)
        self._changed: list[Changed] = []
        self._texts: list[tuple[int, str, Mapping[str, str] | None]] = []

    @property
    def log_is_long(self) -> bool:
        """Whether the write-ahead log has grown so much that a checkpoint is due: a long one slows readers."""
        return self._db.log_pages > _LONG_LOG

    def try_begin(self) -> bool:
        """Open a transaction unless another process is writing."""
        if not self._mine.acquire(blocking=False):
            return False
        if not self._lock.try_acquire():
            self._mine.release()
            return False
        self._open()
        return True

    def begin(self) -> None:
        """Open a transaction, waiting for other processes."""
        self._mine.acquire()
        self._lock.acquire()
        self._open()

    def _open(self) -> None:
        self._known = WorkingSet()
        try:
            self._db.run("BEGIN IMMEDIATE")
        except BaseException:
            self._release()
            raise

    def _release(self) -> None:
        self._lock.release()
        self._mine.release()

    def run(self, body: Callable[[Transaction], T], *, hurried: bool = False) -> T:
        """Run one body inside the open transaction; when it raises, nothing of it remains.

        A hurried one raises BudgetExceeded where it would have to wait for a large blob.
        """
        if not self._db.native.in_transaction:  # after a full disk, SQLite has undone the whole of it
            raise StoreError("the transaction was given up")
        store = self._store
        tx = Transaction(self._db, store.blobs, store.limits, store.clock, store.ids, self._known)
        tx.hurried = hurried
        with tx.savepoint():
            result = body(tx)
        self._changed.append(tx.changed)
        self._texts += tx.texts
        return result

    def commit(self) -> Changed:
        """Put everything on stable storage. What changed is returned once, for push."""
        changed = self.append()
        self.sync()
        return changed

    def sync(self) -> None:
        """Bring to stable storage what was appended before, by whatever process. For any thread.

        Raises SyncError when the disk refuses: what readers have seen may be lost, so the process has to end.
        """
        try:
            os.fdatasync(self._log)
        except OSError as error:
            self._store.presence.doubt()
            raise SyncError(f"the disk did not take what was written: {error.strerror}") from error

    def append(self) -> Changed:
        """Put everything into the log, where readers see it; it is not on stable storage before `sync`."""
        try:
            self._known.finish(self._db)
            text_index.follow(self._db, self._texts)
            self._db.run("COMMIT")
        except BaseException:
            self.rollback()
            raise
        if self.restart_log:
            self.restart_log = False
            self._db.restart_log()
        self._release()
        merged: Changed = {}
        for one in self._changed:
            for account, types in one.items():
                merged.setdefault(account, {}).update(types)
        self._changed, self._texts = [], []
        return merged

    def rollback(self) -> None:
        """Forget the open transaction."""
        self._changed, self._texts = [], []
        try:
            if self._db.native.in_transaction:
                self._db.run("ROLLBACK")
        finally:
            self._release()

    def close(self) -> None:
        self._db.close()
        self._lock.close()
        if self._log >= 0:
            os.close(self._log)
        self._log = -1


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
            db = _opened(self.path)
            self.presence = Presence(folder)
            if self.presence.begin():
                _recover(db, self.clock.now_ms())
            self.writer = Writer(self, db, lock)
            self.writer.sync()
        except BaseException:
            lock.close()
            raise
        _sync_folder(folder)
        lock.release()
        self._free: list[SqliteConnection] = []
        self._looking: SqliteConnection | None = None

    @contextmanager
    def snapshot(self, budget: float | None = None) -> Iterator[Snapshot]:
        try:
            db = self._free.pop()
        except IndexError:  # another thread may take the last one at any moment
            db = SqliteConnection(self.path, writer=False)
        db.run("BEGIN")
        db.set_budget(budget)
        try:
            view = Snapshot(db, self.blobs, self.limits, self.clock, self.cache)
            view.hurried = budget is not None
            yield view
        finally:
            db.set_budget(None)
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
    """After the machine went down: what clients know may be more than the disk does."""
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


def _sync_folder(folder: Path) -> None:
    """Have the names of the files on stable storage too: SQLite syncs its log without the folder."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
