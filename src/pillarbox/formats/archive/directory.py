"""A directory, or one file, as a tree. Symbolic links are not followed, special files are not opened."""

import io
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pillarbox.formats.archive.mailbox_name import label_path
from pillarbox.formats.archive.manifest import MANIFEST_NAME
from pillarbox.formats.archive.message import DamagedMember, Estimate, Skips
from pillarbox.formats.archive.tree import Member

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_FOLDER_FILE_OCTETS = 1 << 16
_MAX_DEPTH = 64


class DirectoryTree:
    """The regular files below a directory, in the order of their names; with a file as root, this file alone."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._position = 0

    @property
    def position(self) -> int:
        return self._position

    def members(self, skips: Skips) -> Iterator[Member]:
        """Yield the files in the order of their names."""
        self._position = 0
        for parts, status in _walk(self._root, skips):
            start = self._position
            yield self._member(parts, status)
            self._position = start + status.st_size

    def _member(self, parts: tuple[str, ...], status: os.stat_result) -> Member:
        file = self._root.joinpath(*parts)
        named = parts or (self._root.name,)
        return Member(
            path=label_path([_readable(part) for part in named]),
            key=_readable("/".join(named)),
            modified_at=datetime.fromtimestamp(max(status.st_mtime, 0), UTC),
            trusted_time=False,
            open=partial(self._open, file),
            folder_file=partial(_folder_file, file.parent.parent),
            alone=not parts,
        )

    def _open(self, file: Path) -> io.BufferedReader:
        return io.BufferedReader(_CountedFile(_open_regular(file), self), 1 << 16)

    def advance(self, octets: int) -> None:
        """Count octets read of the current file."""
        self._position += octets

    def estimate(self) -> Estimate:
        """Count the files and their octets; the number of messages is known only where each file holds one."""
        sizes = [(parts, status.st_size) for parts, status in _walk(self._root, Skips(0))]
        one_each = all(_holds_one(parts) for parts, _ in sizes if parts[-1:] != (MANIFEST_NAME,))
        messages = sum(_holds_one(parts) for parts, _ in sizes) if sizes and one_each else None
        return Estimate(messages, sum(size for _, size in sizes))

    def manifest(self) -> io.BufferedReader | None:
        """Open the manifest of an unpacked export."""
        try:
            return io.BufferedReader(io.FileIO(_open_regular(self._root / MANIFEST_NAME), "rb"))
        except (OSError, DamagedMember):
            return None

    def close(self) -> None:
        """Nothing is kept open."""


class _CountedFile(io.FileIO):
    def __init__(self, descriptor: int, tree: DirectoryTree) -> None:
        super().__init__(descriptor, "rb")
        self._tree = tree

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read, and count what was read."""
        count = super().readinto(buffer) or 0
        self._tree.advance(count)
        return count


def _walk(root: Path, skips: Skips) -> Iterator[tuple[tuple[str, ...], os.stat_result]]:
    if not root.is_dir():
        yield (), root.stat()
        return
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        folder = waiting.pop()
        folders = []
        for path, status in _entries(root, folder, skips):
            if stat.S_ISDIR(status.st_mode) and len(path) <= _MAX_DEPTH:
                folders.append(path)
            elif stat.S_ISREG(status.st_mode):
                yield path, status
            else:
                skips.add(_readable("/".join(path)), "neither a regular file nor a directory to look into")
        waiting.extend(reversed(folders))


def _entries(root: Path, folder: tuple[str, ...], skips: Skips) -> Iterator[tuple[tuple[str, ...], os.stat_result]]:
    place = root.joinpath(*folder)
    try:
        names = sorted(os.listdir(place))  # noqa: PTH208 - names only: a Maildir may have a million
        for name in names:
            with suppress(FileNotFoundError):  # moved away meanwhile, as mail programs do
                yield (*folder, name), os.lstat(place / name)
    except OSError as error:
        skips.add(_readable("/".join(folder)), f"cannot be read: {error.strerror}")


def _open_regular(file: Path) -> int:
    # the file may have been replaced since it was listed: neither follow a link nor wait for a pipe's writer
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise DamagedMember("not a regular file")
    return descriptor


def _folder_file(folder: Path, name: str) -> bytes | None:
    try:
        with io.FileIO(_open_regular(folder / name), "rb") as file:
            return file.read(_FOLDER_FILE_OCTETS)
    except (OSError, DamagedMember):
        return None


def _holds_one(parts: tuple[str, ...]) -> bool:
    return parts[-1:] != () and (parts[-1].lower().endswith(".eml") or parts[-2:-1] in (("cur",), ("new",)))


def _readable(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")
