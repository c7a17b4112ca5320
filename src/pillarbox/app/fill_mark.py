"""The mark of a directory that a restore or a move fills: a file that says with what, locked by who does it.

The lock is the file's, so it goes with the process that has it; the mark stays until the store is whole.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pillarbox.core.durability import sync_directory
from pillarbox.storage.database import StoreError

_MARK = "restoring"


class FillMark:
    """A mark that this process holds."""

    def __init__(self, path: Path) -> None:
        """Make the file if it is not there. Raises OSError."""
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def hold(self) -> None:
        """Be the only one until `close`. Raises StoreError when somebody else is, OSError where there are no locks."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            problem = f"another restore or move is filling {self._path.parent}; wait for its end, or end it"
            raise StoreError(problem) from None
        if not self.is_there:  # who had it was done in the very moment before
            raise _not_empty(self._path.parent)

    def close(self) -> None:
        """Let others have it, if it is still there."""
        os.close(self._file)

    def begin(self, what: str) -> None:
        """Fill the directory with this from now on, or go on with it. Raises StoreError, OSError.

        What was broken off of something else is deleted.
        """
        folder, before = self._path.parent, os.pread(self._file, 65_536, 0).decode("utf-8", "replace").strip()
        if before == what:
            return
        if before:  # rows of two sources must not be mixed: begin again
            shutil.rmtree(folder / "blobs", ignore_errors=True)
            for path in folder.glob("pillarbox.sqlite3*"):
                path.unlink()
        elif any(folder.glob("pillarbox.sqlite3*")) or (folder / "blobs").exists():
            # Somebody else has begun to use it between our look and our mark, which must not shut them out.
            self._path.unlink()
            raise _not_empty(folder)
        os.pwrite(self._file, f"{what}\n".encode(), 0)
        os.ftruncate(self._file, len(what.encode()) + 1)
        os.fsync(self._file)
        sync_directory(folder)

    def end(self) -> None:
        """The directory is whole. Raises StoreError when the mark in it is not this one."""
        if not self.is_there:
            raise StoreError(f"somebody has taken {self._path} away meanwhile; run the same command again")
        self._path.unlink()

    @property
    def is_there(self) -> bool:
        """Whether the file that is held is the one in the directory."""
        try:
            return os.path.samestat(os.fstat(self._file), self._path.stat())
        except FileNotFoundError:
            return False


def read_mark(folder: Path) -> str | None:
    """With what a directory is being filled that is not whole; None for any other."""
    try:
        return (folder / _MARK).read_text("utf-8").strip() or "a store"
    except (FileNotFoundError, NotADirectoryError):
        return None


@contextmanager
def hold_mark(folder: Path, what: str) -> Iterator[FillMark]:
    """Be the only one who fills a directory that is empty, or has such a mark. Raises StoreError.

    What was broken off of something else than `what` is deleted.
    """
    path = folder / _MARK
    if not path.is_file() and folder.is_dir() and any(folder.iterdir()):
        raise _not_empty(folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark = FillMark(path)
        try:
            mark.hold()
            mark.begin(what)
        except BaseException:
            mark.close()
            raise
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror or error}") from error
    try:
        yield mark
    finally:
        mark.close()


def _not_empty(folder: Path) -> StoreError:
    return StoreError(f"{folder} is not empty: a backup is restored into an empty data directory")
