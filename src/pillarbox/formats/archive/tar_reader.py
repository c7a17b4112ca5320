"""A tar archive as a tree, read once from front to end; packed with gzip, bzip2, xz, or not at all.

POSIX.1-2001 ustar and pax headers, GNU long names. A compressed file that is no tar is a tree of the one file in it.
"""

import io
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pillarbox.formats.archive.inflate import InflatedStream, decompressor_for
from pillarbox.formats.archive.mailbox_name import label_path
from pillarbox.formats.archive.message import DamagedMember, Estimate, ReadOptions, Skips
from pillarbox.formats.archive.tar_header import BLOCK, TarHeader, is_tar, read_header
from pillarbox.formats.archive.tree import Expansion, Member

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class TarTree:
    """The regular files of a tar archive, in their order."""

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self._path = path
        self._options = options
        self._file = path.open("rb", buffering=0)
        self._packed_octets = os.fstat(self._file.fileno()).st_size

    @property
    def position(self) -> int:
        """Packed octets read so far."""
        return 0 if self._file.closed else self._file.tell()

    def estimate(self) -> Estimate:
        """The packed octets; how many messages there are is not known before the end."""
        return Estimate(None, self._packed_octets)

    def manifest(self) -> io.BufferedReader | None:
        """There is none: it would stand at the end."""
        return None

    def members(self, skips: Skips) -> Iterator[Member]:
        """Yield the regular files; what is neither file nor directory is skipped."""
        self._file.seek(0)
        stream = self._stream()
        if not is_tar(stream.peek(BLOCK)):
            yield self._single(stream)
            return
        number = 0
        while (header := read_header(stream)) is not None:
            number += 1
            window = _Window(stream, header.octets)
            if header.is_file:
                yield _member(header, number, window)
            elif not header.is_directory:
                skips.add(header.name, "neither a regular file nor a directory")
            window.skip_to_next()

    def _stream(self) -> io.BufferedReader:
        head = self._file.read(8)
        self._file.seek(0)
        make = decompressor_for(head)
        if make is None:
            return io.BufferedReader(_Unclosed(self._file.read), 1 << 16)
        sink = _Spend(Expansion(self._packed_octets, self._options))
        return io.BufferedReader(InflatedStream(self._file.read, make, sink, several=True), 1 << 16)

    def _single(self, stream: io.BufferedReader) -> Member:
        name = self._path.stem
        return Member(label_path([name]), name, None, trusted_time=False, open=lambda: stream, alone=True)

    def close(self) -> None:
        """Close the archive."""
        self._file.close()


def _member(header: TarHeader, number: int, window: "_Window") -> Member:
    return Member(
        path=label_path(header.name.split("/")),
        key=f"{header.name}#{number}",  # a tar may hold the same name twice
        modified_at=datetime.fromtimestamp(header.modified_at, UTC) if header.modified_at > 0 else None,
        trusted_time=True,
        open=lambda: io.BufferedReader(window, 1 << 16),
    )


class _Spend:
    def __init__(self, expansion: Expansion) -> None:
        self._expansion = expansion

    def take(self, piece: bytes) -> None:
        self._expansion.spend(len(piece))

    def finish(self) -> None:
        """There is no checksum beyond that of the compression."""


class _Unclosed(io.RawIOBase):
    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        data = self._read(len(view))
        view[: len(data)] = data
        return len(data)


class _Window(io.RawIOBase):
    """The octets of one member in the stream of the archive."""

    def __init__(self, stream: io.BufferedReader, octets: int) -> None:
        self._stream = stream
        self._left = octets
        self._padding = -octets % BLOCK

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        data = self._stream.read(min(len(view), self._left))
        if not data and self._left and len(view):
            raise DamagedMember("the archive ends too early")
        view[: len(data)] = data
        self._left -= len(data)
        return len(data)

    def skip_to_next(self) -> None:
        """Pass over what was not read, and the padding."""
        left, self._left = self._left + self._padding, 0
        while left and (data := self._stream.read(min(left, 1 << 16))):
            left -= len(data)
