"""Octets by what they are: content-addressed blobs, small ones in the database, large ones in files.

A file is written and synced before the row that refers to it: an orphan is possible and swept, a dangling row never is.
"""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

_DIGEST = 20


def blob_id(data: bytes) -> str:
    """The id of these octets: a letter and a digest in base 32, lower case."""
    digest = hashlib.blake2b(data, digest_size=_DIGEST).digest()
    return "b" + base64.b32hexencode(digest).decode("ascii").lower()


class BlobStore:
    """The files of large blobs. One file serves all accounts that have the same octets."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, blob: str) -> Path:
        """Where a blob's file is."""
        return self._folder / blob[1:3] / blob

    def write(self, blob: str, data: bytes) -> None:
        """Put octets on stable storage under their id; nothing to do when they are there."""
        path = self.path(blob)
        if path.exists() and path.stat().st_size == len(data):
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
        _sync_folder(self._folder)

    def read(self, blob: str) -> bytes | None:
        """The octets, or None when the file is gone."""
        try:
            return self.path(blob).read_bytes()
        except FileNotFoundError:
            return None

    def written_at(self, blob: str) -> float:
        """When the file was written, in seconds since 1970."""
        return self.path(blob).stat().st_mtime

    def remove(self, blob: str) -> None:
        """Delete the file."""
        self.path(blob).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """The ids of all files, temporary ones left by a crash included."""
        return [p.name for p in self._folder.glob("??/*")] if self._folder.is_dir() else []


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
