"""Decompression as a stream with bounded memory: deflate, gzip, bzip2 and xz (RFC 1951, RFC 1952)."""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from pillarbox.formats.archive.message import DamagedMember

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_INPUT_OCTETS = 1 << 16
_XZ_MEMORY = 160 << 20  # xz -9 needs 65 MiB; a dictionary of gigabytes is an attack


class Decompressor(Protocol):
    """The interface of bz2 and lzma decompressors."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Zlib:
    """zlib's decompressor with the interface of the other two."""

    def __init__(self, window_bits: int) -> None:
        self._inner = zlib.decompressobj(window_bits)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max(max_length, 0))


class _Stored:
    """A member of known size that is not compressed."""

    def __init__(self, octets: int) -> None:
        self._left = octets
        self._held = b""

    @property
    def eof(self) -> bool:
        return self._left <= 0

    @property
    def needs_input(self) -> bool:
        return not self._held

    @property
    def unused_data(self) -> bytes:
        return b""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        data = self._held + data
        piece, self._held = data[:max_length], data[max_length:]
        self._left -= len(piece)
        return piece


def stored_decompressor(octets: int) -> Decompressor:
    """Pass so many octets through, as stored zip members are."""
    return _Stored(octets)


def deflate_decompressor() -> Decompressor:
    """Decompress raw deflate data, as zip members are."""
    return _Zlib(-15)


def decompressor_for(head: bytes) -> Callable[[], Decompressor] | None:
    """Choose by the first octets of a file: gzip, bzip2 or xz, else None."""
    if head.startswith(b"\x1f\x8b"):
        return lambda: _Zlib(31)
    if head.startswith(b"BZh"):
        return bz2.BZ2Decompressor
    if head.startswith(b"\xfd7zXZ\x00"):
        return lambda: lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
    return None


class Sink(Protocol):
    """Sees every piece that comes out, and the end; both may raise."""

    def take(self, piece: bytes) -> None: ...
    def finish(self) -> None: ...


class InflatedStream(io.RawIOBase):
    """The decompressed octets of what `read_input` gives; `several` reads concatenated streams one after the other.

    Raises DamagedMember where the data is broken or ends early, and what the sink raises.
    """

    def __init__(
        self,
        read_input: Callable[[int], bytes],
        make: Callable[[], Decompressor],
        sink: Sink,
        *,
        several: bool = False,
    ) -> None:
        self._read_input = read_input
        self._make = make
        self._sink = sink
        self._several = several
        self._decompressor = make()
        self._waiting = b""
        self._finished = False
        self._damage: DamagedMember | None = None

    def readable(self) -> bool:
        """Tell that this is a stream to read."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill the buffer as far as there is data; damage is told only after what was good before it."""
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view) and not self._finished and self._damage is None:
            try:
                piece = self._next(len(view) - filled)
            except DamagedMember as error:
                self._damage = error
                break
            view[filled : filled + len(piece)] = piece
            filled += len(piece)
        if self._damage is not None and not filled:
            raise self._damage
        return filled

    def _next(self, most: int) -> bytes:
        if self._decompressor.eof and not self._next_stream():
            self._finished = True
            self._sink.finish()
            return b""
        data = self._waiting or (self._read_input(_INPUT_OCTETS) if self._decompressor.needs_input else b"")
        self._waiting = b""
        try:
            piece = self._decompressor.decompress(data, most)
        except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
            raise DamagedMember(f"the compressed data is damaged: {error}") from error
        if not piece and not data and not self._decompressor.eof:
            raise DamagedMember("the compressed data ends too early")
        self._sink.take(piece)
        return piece

    def _next_stream(self) -> bool:
        if not self._several:
            return False
        rest = self._decompressor.unused_data.lstrip(b"\0") or self._read_input(_INPUT_OCTETS).lstrip(b"\0")
        if not rest:
            return False
        self._decompressor, self._waiting = self._make(), rest
        return True
