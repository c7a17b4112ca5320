"""COMPRESS=DEFLATE: raw deflate both ways, each response flushed whole (RFC 4978 §3, §4)."""

from __future__ import annotations

import zlib

_WINDOW = -15  # raw deflate, the largest window
_LEVEL = 6
_MEMORY = 5  # 64 kB for each connection instead of 256
_PIECE = 65_536  # octets that are expanded at a time
_MOST_HELD = 262_144


class NotDeflate(Exception):
    """What the peer sent cannot be expanded."""


class Compression:
    """Both directions of one connection. What comes in is kept as it came, and expanded as it is asked for.

    A piece from the network may stand for a thousand times as much; so nobody gets more at a time than they can take.
    """

    __slots__ = ("_expander", "_held", "_squeezer")

    def __init__(self) -> None:
        self._squeezer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY)
        self._expander = zlib.decompressobj(_WINDOW)
        self._held = b""

    def squeeze(self, data: bytes) -> bytes:
        """Octets to send; the peer can expand all of them at once."""
        return self._squeezer.compress(data) + self._squeezer.flush(zlib.Z_SYNC_FLUSH)

    def receive(self, data: bytes) -> None:
        """Keep octets from the network."""
        self._held += data

    @property
    def wants_data(self) -> bool:
        """Whether there is room for more octets from the network."""
        return len(self._held) <= _MOST_HELD

    def expand(self) -> bytes:
        """The next piece of what was received; empty when there is no more. Raises NotDeflate."""
        piece = b""
        try:
            while not piece and self._held:
                if self._expander.eof:  # RFC 4978 §3 knows no end of it but that of the connection
                    raise NotDeflate
                piece = self._expander.decompress(self._held, _PIECE)
                self._held = self._expander.unconsumed_tail or self._expander.unused_data
        except zlib.error:
            raise NotDeflate from None
        return piece
