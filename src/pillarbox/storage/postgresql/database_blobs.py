"""Large blobs in the database itself, in parts: what several nodes share without any other service.

Each blob is written in a transaction of its own, before the row that refers to it: as with files, an orphan is possible
and swept, a dangling row never is.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from pillarbox.core.faults import Fault, Kind
from pillarbox.storage.blob import PAGE, BlobStore, Stored
from pillarbox.storage.database import Interrupted, StoreError
from pillarbox.storage.postgresql.connection import PostgresConnection
from pillarbox.storage.postgresql.pool import Pool

_PART = 1_048_576
_INSERT = (
    "INSERT INTO large_blob (id, part, size, written_at, data) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id, part) DO NOTHING"
)


class DatabaseBlobs(BlobStore):
    """The table `large_blob`."""

    piece_octets = _PART

    def __init__(self, pool: Pool) -> None:
        super().__init__()
        self._pool = pool

    def read(self, blob: str) -> bytes | None:
        size = self.size(blob)
        return None if size is None else self.read_range(blob, 0, size)

    def read_range(self, blob: str, start: int, end: int) -> bytes | None:
        first, last = start // _PART, max(start, end - 1) // _PART
        sql = "SELECT data FROM large_blob WHERE id = ? AND part >= ? AND part <= ? ORDER BY part"
        with self._transaction() as db:
            if _size(db, blob) is None:
                return None
            parts = [data for (data,) in db.rows(sql, (blob, first, last))]
        return b"".join(parts)[start - first * _PART : end - first * _PART]

    def size(self, blob: str) -> int | None:
        with self._transaction() as db:
            return _size(db, blob)

    def pages(self) -> Iterator[list[Stored]]:
        at = ""
        sql = "SELECT id, size, written_at FROM large_blob WHERE part = 0 AND id > ? ORDER BY id LIMIT ?"
        while True:
            with self._transaction() as db:
                page = [Stored(id, size, written_at / 1000) for id, size, written_at in db.rows(sql, (at, PAGE))]
            if not page:
                return
            yield page
            at = page[-1].name

    def open_spool(self) -> IO[bytes]:
        return tempfile.TemporaryFile()

    def _write(self, blob: str, data: bytes) -> None:
        self._insert(blob, len(data), (data[start : start + _PART] for start in range(0, len(data), _PART)))

    def _write_file(self, blob: str, file: IO[bytes], size: int) -> None:
        file.seek(0)
        self._insert(blob, size, iter(lambda: file.read(_PART), b""))

    def _insert(self, blob: str, size: int, parts: Iterable[bytes]) -> None:
        with self._transaction() as db:
            if _size(db, blob) == size:
                return
            now = time.time_ns() // 1_000_000
            for part, data in enumerate(parts):
                db.run(_INSERT, (blob, part, size, now, data))

    def _remove(self, name: str) -> None:
        with self._transaction() as db:
            db.run("DELETE FROM large_blob WHERE id = ?", (name,))

    @contextmanager
    def _transaction(self) -> Iterator[PostgresConnection]:
        """A transaction apart from any other; what cannot be done raises unavailable."""
        try:
            with self._pool.transaction("BEGIN ISOLATION LEVEL READ COMMITTED") as db:
                yield db
                db.commit()
        except (Interrupted, StoreError) as error:
            raise Fault(Kind.UNAVAILABLE, "the blob cannot be reached") from error


def _size(db: PostgresConnection, blob: str) -> int | None:
    row = db.row("SELECT size FROM large_blob WHERE id = ? AND part = 0", (blob,))
    return int(row[0]) if row else None
