"""Writing to the embedded store in groups: bodies run one after the other, and share a commit and a sync."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from pillarbox.core.faults import Fault, Kind
from pillarbox.storage import text_index
from pillarbox.storage.database import SyncError, Undone
from pillarbox.storage.presence import Presence
from pillarbox.storage.sqlite import FileLock, SqliteConnection
from pillarbox.storage.store import Changed, Store, merged
from pillarbox.storage.transaction import Transaction
from pillarbox.storage.working_set import WorkingSet

T = TypeVar("T")
_LONG_LOG = 4_000  # pages
_FEW_TEXTS, _FEW_CHARACTERS = 8, 50_000


class Writer:
    """The one writing connection of a process. Steps: begin, run each body, commit. Not for two threads at a time."""

    def __init__(self, store: Store, path: Path, presence: Presence, db: SqliteConnection, lock: FileLock) -> None:
        """`path` is that of the database, `lock` the one between processes."""
        self._store = store
        self._presence = presence
        self._db = db
        self._lock = lock
        self._mine = threading.Lock()  # between the threads of this process, which share the file lock
        self.restart_log = False  # set after a checkpoint: the next commit has the log begin anew
        self._known = WorkingSet()
        self._is_empty = True  # no body has run in the open transaction, but such as are undone
        # The file stays the same for as long as a connection is open, as ours is.
        self._log = os.open(f"{path}-wal", os.O_RDWR | os.O_CLOEXEC)
        self._changed: list[Changed] = []
        self._texts: list[tuple[int, str, Mapping[str, str] | None]] = []

    @property
    def log_is_long(self) -> bool:
        """Whether the write-ahead log has grown so much that a checkpoint is due: a long one slows readers."""
        return self._db.log_pages > _LONG_LOG

    @property
    def is_light(self) -> bool:
        """Whether `append` has little to do for what was run since the transaction began: a millisecond or two."""
        if len(self._texts) > _FEW_TEXTS:
            return False
        return sum(len(text["body"]) for _, _, text in self._texts if text is not None) <= _FEW_CHARACTERS

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
        self._known, self._is_empty = WorkingSet(), True
        try:
            self._db.begin("BEGIN IMMEDIATE")
        except Undone as error:
            self._release()
            raise unavailable() from error
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
        if self._db.is_undone:  # another body, on a disk that is full
            raise unavailable()
        store = self._store
        tx = Transaction(self._db, store.blobs, store.limits, store.clock, store.ids, self._known)
        tx.hurried = hurried
        try:
            result = self._first(body, tx) if self._is_empty else _further(body, tx)
        except Undone as error:
            raise unavailable() from error
        self._is_empty = False
        self._changed.append(tx.changed)
        self._texts += tx.texts
        return result

    def _first(self, body: Callable[[Transaction], T], tx: Transaction) -> T:
        """Run a body before which there is nothing: to undo it is to begin anew, so that it needs no savepoint."""
        try:
            return body(tx)
        except BaseException:
            if not self._db.is_undone:
                self._db.run("ROLLBACK")
                self._known = WorkingSet()
                self._db.begin("BEGIN IMMEDIATE")
            raise

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
            self._presence.doubt()
            raise SyncError(f"the disk did not take what was written: {error.strerror}") from error

    def append(self) -> Changed:
        """Put everything into the log, where readers see it; it is not on stable storage before `sync`."""
        try:
            self._known.finish(self._db)
            text_index.follow(self._db, self._texts)
            self._db.run("COMMIT")
        except BaseException as error:
            self.rollback()
            if isinstance(error, Undone):
                raise unavailable() from error
            raise
        changed, known = merged(self._changed), self._known
        self._changed, self._texts = [], []
        try:  # whatever comes of it, all of this is committed
            if self.restart_log:
                self.restart_log = False
                self._db.restart_log()
        finally:
            self._release()
        known.publish()
        return changed

    def rollback(self) -> None:
        """Forget the open transaction."""
        self._changed, self._texts = [], []
        try:
            if self._db.native.in_transaction:
                self._db.native.execute("ROLLBACK")
        finally:
            self._release()

    def close(self) -> None:
        self._db.close()
        self._lock.close()
        if self._log >= 0:
            os.close(self._log)
        self._log = -1


def _further(body: Callable[[Transaction], T], tx: Transaction) -> T:
    with tx.savepoint():
        return body(tx)


def unavailable() -> Fault:
    """What everybody is told of whose write did not happen."""
    return Fault(Kind.UNAVAILABLE, "the store could not write; nothing was changed")
