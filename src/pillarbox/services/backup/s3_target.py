"""A repository in an S3-compatible store. Keys come from the environment, as other programs for S3 take them.

There is no lock to hold: whoever writes puts an object and keeps it fresh. One that has not been for a while was left
by a command that was killed.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from obstore.exceptions import AlreadyExistsError

from pillarbox.core.faults import Fault
from pillarbox.services.backup.target import Absent, BackupError, Entry
from pillarbox.storage.blob_s3 import S3Blobs
from pillarbox.storage.blob_url import BlobAccess, S3Place

_LOCK = "lock"
_FRESH_SECONDS, _STALE_SECONDS = 60, 900
_PAGE = 1_000


class S3Target(S3Blobs):
    """A bucket, or what is under a prefix of it; a write is believed when the server has the very octets."""

    def __init__(self, place: S3Place, access: BlobAccess) -> None:
        super().__init__(place, access)
        self._name = "/".join(part for part in ("s3:/", place.bucket, place.prefix) if part)
        self._locked_at = 0.0  # when the lock was put last, 0 while it is not ours

    def __str__(self) -> str:
        return self._name

    def put(self, name: str, data: bytes) -> None:
        if self._locked_at and time.monotonic() - self._locked_at > _FRESH_SECONDS:
            self._locked_at = time.monotonic()
            self.put(_LOCK, b"")
        with self._told(name):
            self._try("writing", lambda: self._put(name, data))

    def _put(self, name: str, data: bytes) -> None:
        put = self._store().put(name, data, use_multipart=False)
        # So the ETag is unless the server encrypts: then it is read again.
        is_certain = (put["e_tag"] or "").strip('"') == hashlib.md5(data, usedforsecurity=False).hexdigest()
        if not is_certain and bytes(self._store().get(name).bytes()) != data:
            raise BackupError(f"{name} is not what was written")

    def get(self, name: str) -> bytes:
        with self._told(name):
            data = self._find("reading", lambda: bytes(self._store().get(name).bytes()))
        if data is None:
            raise Absent(f"{self}/{name} is missing")
        return data

    def list(self, folder: str) -> Iterator[Entry]:
        last: str | None = None
        while True:
            with self._told(folder):
                page = self._try("listing", lambda after=last: self._listed(folder, after))  # type: ignore[misc]
            yield from page
            if len(page) < _PAGE:
                return
            last = page[-1].name

    def _listed(self, folder: str, after: str | None) -> Sequence[Entry]:
        for page in self._store().list(folder or None, offset=after, chunk_size=_PAGE):
            return [Entry(found["path"], found["size"]) for found in page]
        return []

    def delete(self, name: str) -> None:
        with self._told(name):
            self._find("deleting", lambda: self._store().delete(name))

    @contextmanager
    def locked(self, *, exclusive: bool) -> Iterator[None]:
        if not exclusive:
            yield
            return
        with self._told(_LOCK):
            self._try("locking", self._lock)
        self._locked_at = time.monotonic()
        try:
            yield
        finally:
            self._locked_at = 0.0
            self.delete(_LOCK)

    def _lock(self) -> None:
        try:
            self._store().put(_LOCK, b"", mode="create", use_multipart=False)
        except AlreadyExistsError:
            age = time.time() - self._store().head(_LOCK)["last_modified"].timestamp()
            if age < _STALE_SECONDS:
                text = f"another command is using {self}; if it was killed, wait for {_STALE_SECONDS // 60} minutes"
                raise BackupError(text) from None
            self._store().put(_LOCK, b"", use_multipart=False)

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        try:
            yield
        except Fault:
            raise BackupError(f"{self}/{name} cannot be reached; the log says why") from None
