"""COMPRESS=DEFLATE: raw deflate both ways, each response flushed whole (RFC 4978 §3)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

_WINDOW = -15  # raw deflate, the largest window
_LEVEL = 6
_MEMORY = 5  # 64 kB for each connection instead of 256
_PIECE = 65_536
_MOST = 16_777_216  # octets that one piece from the network may become; it keeps the loop busy meanwhile


class TooMuch(Exception):
    """What the peer sent is no deflate, or becomes more than may be."""


class Compression:
    """Both directions of one connection."""

    def __init__(self) -> None:
        self._squeezer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY)
        self._expander = zlib.decompressobj(_WINDOW)

    def squeeze(self, data: bytes) -> bytes:
        """Octets to send; the peer can expand all of them at once."""
        return self._squeezer.compress(data) + self._squeezer.flush(zlib.Z_SYNC_FLUSH)

    def expand(self, data: bytes) -> Iterator[bytes]:
        """What some received octets mean, in pieces. Raises TooMuch."""
        seen = 0
        try:
            while data:
                piece = self._expander.decompress(data, _PIECE)
                data = self._expander.unconsumed_tail
                seen += len(piece)
                if seen > _MOST:
                    raise TooMuch
                if piece:
                    yield piece
                if self._expander.eof:
                    break
        except zlib.error:
            raise TooMuch from None
