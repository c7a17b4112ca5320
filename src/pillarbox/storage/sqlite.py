"""SQLite as the embedded engine: connections, pragmas, the read budget and the lock between processes."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw

from pillarbox.storage.database import BudgetExceeded, Conflict, Row, StoreError, TextIndex, Undone, Value
from pillarbox.storage.fts5 import Fts5Index

_TEXTS = Fts5Index()
_log = logging.getLogger("pillarbox.store")
# What the disk, and not the statement, is to blame for.
_TROUBLES = (
    apsw.FullError,
    apsw.IOError,
    apsw.CantOpenError,
    apsw.ReadOnlyError,
    apsw.BusyError,
    apsw.NoMemError,
)
_CACHE_KIB = 4096
_BUSY_MS = 10_000
_RESTART_WAIT_MS = 20
_WRITER_CACHE_KIB = 16_384
_PROGRESS_STEPS = 2000  # virtual machine operations between looks at the clock: free of measurable cost


class SqliteConnection:
    """One apsw connection, with an optional deadline for reads."""

    def __init__(self, path: Path, *, writer: bool) -> None:
        flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if writer else 0)
        self._db = apsw.Connection(str(path), flags=flags, statementcachesize=250)
        # The plan must not depend on bound values: otherwise SQLite prepares a statement anew whenever they change.
        self._db.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        self._deadline = 0.0
        self._trouble = ""  # why the transaction is no more
        self._db.set_busy_timeout(_BUSY_MS)
        for pragma in _WRITER if writer else _READER:
            self._db.execute(f"PRAGMA {pragma}").fetchall()
        self.log_pages = 0  # of the write-ahead log, at the last commit of this connection
        if writer:
            self._db.set_wal_hook(self._note_log)
        else:
            self._db.set_progress_handler(self._over_time, _PROGRESS_STEPS)

    def _note_log(self, _db: apsw.Connection, _name: str, pages: int) -> int:
        self.log_pages = pages
        return apsw.SQLITE_OK

    def _over_time(self) -> bool:
        return bool(self._deadline) and time.monotonic() > self._deadline

    def set_budget(self, seconds: float | None) -> None:
        """Let reads fail with BudgetExceeded once this time has passed; None for no limit."""
        self._deadline = time.monotonic() + seconds if seconds else 0.0

    def begin(self, sql: str) -> None:
        """Open a transaction by this statement."""
        self._trouble = ""
        self.run(sql)

    @property
    def is_undone(self) -> bool:
        """Whether the transaction is no more."""
        return bool(self._trouble)

    def run(self, sql: str, values: Sequence[Value] = ()) -> None:
        # SQLite may have undone the whole transaction. A statement that follows would then be one of its own, and last.
        if self._trouble:
            raise Undone(self._trouble)
        try:
            self._db.execute(sql, values)
        except apsw.Error as error:
            self._tell(error)
            raise

    def row(self, sql: str, values: Sequence[Value] = ()) -> Row | None:
        if self._trouble:
            raise Undone(self._trouble)
        try:
            return self._db.execute(sql, values).fetchone()
        except apsw.Error as error:
            self._tell(error)
            raise

    def rows(self, sql: str, values: Sequence[Value] = ()) -> list[Any]:
        if self._trouble:
            raise Undone(self._trouble)
        try:
            return self._db.execute(sql, values).fetchall()
        except apsw.Error as error:
            self._tell(error)
            raise

    def _tell(self, error: apsw.Error) -> None:
        """Raise it in our words, if we have any."""
        if isinstance(error, apsw.ConstraintError):
            raise Conflict(str(error)) from error
        if isinstance(error, apsw.InterruptError):
            raise BudgetExceeded from error
        if isinstance(error, _TROUBLES):
            self._trouble = str(error)
            raise Undone(self._trouble) from error

    @property
    def texts(self) -> TextIndex:
        return _TEXTS

    def integrity(self, *, quick: bool) -> list[str]:
        rows = self.rows("PRAGMA quick_check(100)" if quick else "PRAGMA integrity_check(100)")
        return [str(line) for (line,) in rows if line != "ok"]

    def script(self, sql: str) -> None:
        """Execute several statements."""
        for _ in self._db.execute(sql):
            pass

    def restart_log(self) -> None:
        """Have the write-ahead log begin anew, if readers allow it soon: under steady writes it never would by itself.

        A checkpoint just before leaves little to do here.
        """
        self._db.set_busy_timeout(_RESTART_WAIT_MS)
        try:
            self._db.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        except apsw.BusyError:
            pass
        except apsw.Error as error:  # a full disk, say: the log grows until there is room
            _log.error("the log cannot be folded into the store: %s", error)
        finally:
            self._db.set_busy_timeout(_BUSY_MS)

    def fold_log(self) -> None:
        """Bring all of the write-ahead log into the database, synced, and leave it empty. Raises StoreError."""
        try:
            ((is_busy, _, _),) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except apsw.Error as error:
            raise StoreError(f"the log cannot be folded into the store: {error}") from error
        if is_busy:
            raise StoreError("the store has to be recovered, and another process uses it")

    def data_version(self) -> int:
        """A number that changes when another connection commits."""
        return int(self._db.pragma("data_version"))

    def close(self) -> None:
        self._db.close()

    @property
    def native(self) -> apsw.Connection:
        """Apsw's connection, for backup and checks."""
        return self._db


_COMMON = ("foreign_keys=OFF", "temp_store=MEMORY")
# NORMAL: a commit writes the log and does not wait for the disk; `Writer.sync` does, before anybody is told of it, and
# while the next commit is made. Checkpoints are made apart from commits, by `checkpoint`.
_WRITER = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "wal_autocheckpoint=0",
    "journal_size_limit=67108864",
    f"cache_size=-{_WRITER_CACHE_KIB}",
    *_COMMON,
)
# Not mapped into memory: SQLite would give the map up, and make it anew, whenever anybody has committed.
_READER = (*_COMMON, f"cache_size=-{_CACHE_KIB}", "mmap_size=0", "query_only=ON")


class FileLock:
    """The write lock between processes: a blocking flock is fair, where SQLite's busy timeout starved processes."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def try_acquire(self) -> bool:
        """Take the lock if nobody has it."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def acquire(self) -> None:
        """Wait for the lock."""
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def release(self) -> None:
        """Give it to the next in line."""
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._file >= 0:  # twice would close whatever has the number by then
            os.close(self._file)
        self._file = -1


def open_writer(path: Path) -> SqliteConnection:
    """The connection that writes; makes the file when it is missing. Raises StoreError when it cannot."""
    try:
        # Made by us, so that nobody else may read it; its companions get the same rights from SQLite.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise StoreError(f"cannot make the store {path}: {error}") from error
    try:
        return SqliteConnection(path, writer=True)
    except apsw.Error as error:
        raise StoreError(f"cannot open the store {path}: {error}") from error


def open_reader(path: Path) -> SqliteConnection:
    """A connection that reads. Raises Undone when there is none to be had, as when too many files are open."""
    try:
        return SqliteConnection(path, writer=False)
    except _TROUBLES as error:
        raise Undone(str(error)) from error
