"""Where a repository is: named objects that are put whole, or not at all. Here a directory; object stores fit, too."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from pillarbox.core.durability import sync_directory

_TEMPORARY = ".tmp"
_LOCK = "lock"


class BackupError(Exception):
    """A repository or a backup cannot be used; the message says what to do."""


class Absent(BackupError):
    """There is no object of this name."""


class Entry(NamedTuple):
    """An object of a target: its name with slashes, and its size in octets."""

    name: str
    size: int


class Target(Protocol):
    """A place for objects. Methods raise BackupError when the place fails."""

    def put(self, name: str, data: bytes) -> None:
        """Store an object, replacing an older one; when this returns it is on stable storage, whole."""

    def get(self, name: str) -> bytes:
        """The object. Raises Absent."""

    def list(self, folder: str) -> Iterator[Entry]:
        """All objects below a folder, in the order of their names."""

    def delete(self, name: str) -> None:
        """Remove an object; nothing happens when it is gone."""

    @contextmanager
    def locked(self, *, exclusive: bool) -> Iterator[None]:
        """Keep others from changing (or, if exclusive, from using) the repository. Raises BackupError when in use."""
        yield


class DirectoryTarget:
    """Objects as files of a directory; it may be on another disk, or mounted over the network."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __str__(self) -> str:
        return str(self._folder)

    def put(self, name: str, data: bytes) -> None:
        path = self._folder / name
        temporary = path.with_name(f"{path.name}.{os.getpid()}{_TEMPORARY}")
        try:
            _make_folder(path.parent)
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
            sync_directory(path.parent)
        except OSError as error:
            raise BackupError(f"{path} cannot be written: {error.strerror or error}") from error

    def get(self, name: str) -> bytes:
        path = self._folder / name
        try:
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise Absent(f"{path} is missing") from None
        except OSError as error:
            raise BackupError(f"{path} cannot be read: {error.strerror or error}") from error

    def list(self, folder: str) -> Iterator[Entry]:
        try:
            for path in sorted((self._folder / folder).rglob("*")):
                if path.is_file() and not path.name.endswith(_TEMPORARY):
                    yield Entry(str(path.relative_to(self._folder)), path.stat().st_size)
        except OSError as error:
            raise BackupError(f"{self._folder} cannot be read: {error.strerror or error}") from error

    def delete(self, name: str) -> None:
        try:
            (self._folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise BackupError(f"{self._folder / name} cannot be deleted: {error.strerror or error}") from error

    @contextmanager
    def locked(self, *, exclusive: bool) -> Iterator[None]:
        if exclusive:
            try:
                _make_folder(self._folder)
            except OSError as error:
                raise BackupError(f"{self._folder} cannot be made: {error.strerror or error}") from error
        try:
            fd = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if exclusive:
                raise BackupError(f"{self._folder} cannot be written: {error.strerror or error}") from error
            yield  # a copy on a medium that cannot be written: nobody changes it
            return
        try:
            try:
                fcntl.flock(fd, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BackupError(f"another command is using {self._folder}; wait until it is done") from None
            yield
        finally:
            os.close(fd)

    def sweep(self) -> None:
        """Delete what commands that were killed have left half written. Call it with the exclusive lock."""
        for path in self._folder.rglob(f"*{_TEMPORARY}"):
            path.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    """Make a folder and its parents durably."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_directory(folder.parent)
