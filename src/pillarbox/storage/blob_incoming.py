"""Octets on their way into a blob store: hashed once as they come, in memory while few, in a file when many."""

from __future__ import annotations

import io
from typing import IO

from pillarbox.storage.blob import BlobStore, id_of, new_digest

IN_MEMORY = 1 << 20  # octets of one upload


class Incoming:
    """Takes pieces, then stores them. All methods but `close` may wait for the disk: they belong in a thread."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._digest = new_digest()
        self._file: IO[bytes] = io.BytesIO()
        self._is_spooled = False
        self.size = 0

    def add(self, piece: bytes) -> None:
        """Take the next octets."""
        if not self._is_spooled and self.size + len(piece) > IN_MEMORY:
            spool = self._blobs.open_spool()
            spool.write(self._file.getvalue())  # type: ignore[attr-defined]
            self._file, self._is_spooled = spool, True
        self._digest.update(piece)
        self._file.write(piece)
        self.size += len(piece)

    @property
    def blob(self) -> str:
        """The id of what has come."""
        return id_of(self._digest)

    def store(self, *, anew: bool = False) -> None:
        """Put it on stable storage. Raises UNAVAILABLE when that cannot be done."""
        if self._is_spooled:
            self._blobs.write_file(self.blob, self._file, self.size, anew=anew)
        else:
            self._blobs.write(self.blob, self._file.getvalue(), anew=anew)  # type: ignore[attr-defined]

    def close(self) -> None:
        """Forget the octets here; what is stored stays."""
        self._file.close()
