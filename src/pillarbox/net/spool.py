"""Where a message waits while it comes in: in memory at first, in a private temporary file when it grows.

However many clients send at once, their messages take no more memory than the spooler was given.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import BinaryIO

_KEEP_OCTETS = 1 << 20  # of one message in memory
_KEEP_OCTETS_ALL = 64 << 20  # of all messages together


class Spooler:
    """Makes spools that share one allowance of memory."""

    def __init__(
        self, folder: Path, *, keep_octets: int = _KEEP_OCTETS, keep_octets_all: int = _KEEP_OCTETS_ALL
    ) -> None:
        self._folder = folder
        self._keep_octets = keep_octets
        self._keep_octets_all = keep_octets_all
        self.kept = 0  # octets in memory now

    def open(self) -> Spool:
        """A place for one message."""
        return Spool(self)

    def has_room(self, held: int, more: int) -> bool:
        """Whether a message that holds octets in memory may hold more there."""
        return held + more <= self._keep_octets and self.kept + more <= self._keep_octets_all

    def file(self) -> BinaryIO:
        """A file without a name, which is gone when it is closed or when the process ends."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=self._folder, buffering=0)


class Spool:
    """The octets of one message; a `Sink` of the conversation. After an error of the disk nothing more is kept."""

    __slots__ = ("_file", "_held", "_pieces", "_spooler", "failure", "size")

    def __init__(self, spooler: Spooler) -> None:
        self._spooler = spooler
        self._pieces: list[bytes] = []
        self._held = 0
        self._file: BinaryIO | None = None
        self.size = 0
        self.failure: OSError | None = None

    def write(self, data: bytes) -> None:
        """Take the next octets."""
        self.size += len(data)
        if self.failure is not None:
            return
        if self._file is None and self._spooler.has_room(self._held, len(data)):
            self._pieces.append(data)
            self._held += len(data)
            self._spooler.kept += len(data)
            return
        try:
            self._write_file(data)
        except OSError as error:  # a full disk: the client is told after the message, and sends it again later
            self.discard()
            self.failure = error

    def _write_file(self, data: bytes) -> None:
        if self._file is None:
            self._file = self._spooler.file()
            _write_all(self._file, b"".join(self._pieces))
            self._forget_memory()
        _write_all(self._file, data)

    @property
    def is_in_file(self) -> bool:
        """Whether reading it back takes a disk."""
        return self._file is not None

    def read(self) -> bytes:
        """The whole message. Raises OSError when it could not be kept."""
        if self.failure is not None:
            raise self.failure
        if self._file is None:
            return b"".join(self._pieces)
        self._file.seek(0)
        return _read_all(self._file, self.size)

    def discard(self) -> None:
        """Forget all. May be called more than once."""
        self._forget_memory()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _forget_memory(self) -> None:
        self._spooler.kept -= self._held
        self._held = 0
        self._pieces = []


def _write_all(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _read_all(file: BinaryIO, octets: int) -> bytes:
    pieces = []
    while octets > 0 and (piece := file.read(octets)):
        pieces.append(piece)
        octets -= len(piece)
    return b"".join(pieces)
