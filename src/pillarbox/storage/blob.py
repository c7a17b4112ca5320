"""Octets by what they are: content-addressed blobs, small ones in the database, large ones in a `BlobStore`.

A large blob is on stable storage before the row that refers to it: an orphan is possible and swept, a dangling row
never is.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Protocol

import msgspec

from pillarbox.core.faults import Fault, Kind

_log = logging.getLogger("pillarbox.blobs")
_DIGEST = 20
# How long it is believed that octets which this process has put there are still there. Nothing is deleted sooner than
# `blob_sweep.GRACE_MS` after it was marked, and what is marked is written anew: this must stay well below that.
SETTLED_SECONDS = 600.0
_SETTLED_MOST = 8_192
PAGE = 1_000  # blobs in a page of a listing


class Digest(Protocol):
    """A running digest."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


def new_digest() -> Digest:
    """The digest that ids are made of, to be fed piece by piece."""
    return hashlib.blake2b(digest_size=_DIGEST)


def id_of(digest: Digest) -> str:
    """The id of the octets that the digest was fed."""
    return "b" + base64.b32hexencode(digest.digest()).decode("ascii").lower()


def blob_id(data: bytes) -> str:
    """The id of these octets: a letter and a digest in base 32, lower case."""
    return id_of(hashlib.blake2b(data, digest_size=_DIGEST))


class Stored(msgspec.Struct, frozen=True, array_like=True):
    """One blob of a listing; `written_at` is in seconds since 1970."""

    name: str
    size: int
    written_at: float


class BlobStore(ABC):
    """Where large blobs are. One copy serves all accounts that have the same octets.

    All methods may take long (a disk, a network): they belong in a thread. What cannot be done raises
    `Fault(UNAVAILABLE)`, and nothing is half-done: a blob is there as a whole or not at all.
    """

    piece_octets = 262_144  # how much to read at a time when a blob is streamed

    def __init__(self) -> None:
        self._settled: dict[str, float] = {}

    def is_settled(self, blob: str) -> bool:
        """Whether this process has made sure lately that the blob is there. Costs nothing."""
        at = self._settled.get(blob)
        return at is not None and time.monotonic() - at < SETTLED_SECONDS

    def write(self, blob: str, data: bytes, *, anew: bool = False) -> None:
        """Put octets on stable storage under their id; nothing to do when they are there.

        `anew`: find out for certain, whatever this process remembers.
        """
        if anew or not self.is_settled(blob):
            with _unavailable():
                self._write(blob, data)
            self._note(blob)

    def write_file(self, blob: str, file: IO[bytes], size: int, *, anew: bool = False) -> None:
        """The same for the whole content of a file that can be read and sought."""
        if anew or not self.is_settled(blob):
            with _unavailable():
                self._write_file(blob, file, size)
            self._note(blob)

    def remove(self, name: str) -> None:
        """Delete a blob; nothing to do when it is not there."""
        self._settled.pop(name, None)
        self._remove(name)

    def names(self) -> list[str]:
        """The names of everything that is there, leftovers of a crash included."""
        return [stored.name for page in self.pages() for stored in page]

    def digest(self, blob: str, size: int) -> str | None:
        """The id that so many octets from its beginning have, read piece by piece; None when they are not there."""
        digest = new_digest()
        for start in range(0, size, self.piece_octets):
            piece = self.read_range(blob, start, min(start + self.piece_octets, size))
            if piece is None:
                return None
            digest.update(piece)
        return id_of(digest)

    @abstractmethod
    def read(self, blob: str) -> bytes | None:
        """The octets, or None when they are not there."""

    @abstractmethod
    def read_range(self, blob: str, start: int, end: int) -> bytes | None:
        """The octets from `start` to before `end`, fewer when the blob ends sooner; None when it is not there."""

    @abstractmethod
    def size(self, blob: str) -> int | None:
        """How many octets it has, or None when it is not there."""

    @abstractmethod
    def pages(self) -> Iterator[list[Stored]]:
        """Everything that is there, in pages of bounded length, leftovers of a crash included."""

    @abstractmethod
    def open_spool(self) -> IO[bytes]:
        """A new file, for reading and writing, for octets on their way to `write_file`; closing it deletes it."""

    @abstractmethod
    def _write(self, blob: str, data: bytes) -> None: ...

    @abstractmethod
    def _write_file(self, blob: str, file: IO[bytes], size: int) -> None: ...

    @abstractmethod
    def _remove(self, name: str) -> None: ...

    def _note(self, blob: str) -> None:
        self._settled.pop(blob, None)
        while len(self._settled) >= _SETTLED_MOST:
            self._settled.pop(next(iter(self._settled)), None)
        self._settled[blob] = time.monotonic()


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except OSError as error:  # a full disk, a folder that may not be written
        _log.error("a blob cannot be stored: %s", error)
        raise Fault(Kind.UNAVAILABLE, "the blob could not be stored; nothing was changed") from error
