"""Blobs in files of a folder: each written beside its place, synced, and renamed into it."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from pillarbox.core.durability import sync_directory
from pillarbox.storage.blob import PAGE, BlobStore, Stored

_SPOOL = "bup-"


class FileBlobs(BlobStore):
    """A folder with a folder for each two letters. Several processes may share it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._is_kept = False  # whether the folder's own name is known to be on stable storage

    def path(self, blob: str) -> Path:
        """Where a blob's file is."""
        return self._folder / blob[1:3] / blob

    def read(self, blob: str) -> bytes | None:
        try:
            return self.path(blob).read_bytes()
        except FileNotFoundError:
            return None

    def read_range(self, blob: str, start: int, end: int) -> bytes | None:
        try:
            fd = os.open(self.path(blob), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        with os.fdopen(fd, "rb", buffering=0) as file:
            file.seek(start)
            pieces, left = [], end - start
            while left > 0 and (piece := file.read(left)):
                pieces.append(piece)
                left -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def size(self, blob: str) -> int | None:
        try:
            return self.path(blob).stat().st_size
        except FileNotFoundError:
            return None

    def pages(self) -> Iterator[list[Stored]]:
        page: list[Stored] = []
        for path in self._folder.glob("??/*"):
            try:
                found = path.stat()
            except FileNotFoundError:  # swept, or renamed into its place, a moment ago
                continue
            page.append(Stored(path.name, found.st_size, found.st_mtime))
            if len(page) == PAGE:
                yield page
                page = []
        if page:
            yield page

    def open_spool(self) -> IO[bytes]:
        # In the folder itself, to be linked into its place. What a crash leaves is listed and swept like any orphan.
        folder = self.path(_SPOOL).parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.NamedTemporaryFile(dir=folder, prefix=_SPOOL, suffix=".tmp")

    def _write(self, blob: str, data: bytes) -> None:
        if not self._is_there(blob, len(data)):
            self._rename(self.path(blob), lambda temporary: _fill(temporary, data))

    def _write_file(self, blob: str, file: IO[bytes], size: int) -> None:
        if self._is_there(blob, size):
            return
        file.flush()
        os.fsync(file.fileno())
        self._rename(self.path(blob), lambda temporary: os.link(file.name, temporary))

    def _remove(self, name: str) -> None:
        self.path(name).unlink(missing_ok=True)

    def _is_there(self, blob: str, size: int) -> bool:
        if self.size(blob) != size:
            return False
        # Whoever renamed it may not have come to this yet; a row must not be safer than its file.
        self._sync_folders(self.path(blob).parent)
        return True

    def _rename(self, path: Path, make: Callable[[Path], object]) -> None:
        """Make a synced file beside its place, and move it there."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A name of its own: two threads or two nodes may write the same octets at the same time.
        temporary = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
        try:
            make(temporary)
            temporary.rename(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        self._sync_folders(path.parent)

    def _sync_folders(self, folder: Path) -> None:
        """Have the names on stable storage, up to that of the folder of all blobs."""
        sync_directory(folder)
        sync_directory(self._folder)
        if not self._is_kept:
            sync_directory(self._folder.parent)
            self._is_kept = True


def _fill(path: Path, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
