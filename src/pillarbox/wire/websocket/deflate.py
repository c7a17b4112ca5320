"""Compression of messages, each by itself: nothing is kept between two of them (RFC 7692).

A sliding window that lives as long as the connection would take up to 300 KB for each, and let an attacker who can mix
text of theirs into messages learn from lengths across all of them.
"""

from __future__ import annotations

import zlib

import msgspec

_TAIL = b"\x00\x00\xff\xff"
_LEVEL, _MEMORY = 1, 8
_MOST_BITS = 15
_MAX_OFFERS = 16


class TooLarge(Exception):
    """The message is larger than allowed when it is decompressed."""


class Deflate(msgspec.Struct, frozen=True, gc=False):
    """What was agreed upon: the window of what we send, as a power of two."""

    server_bits: int = _MOST_BITS

    @property
    def header(self) -> bytes:
        """The extension as the handshake's answer names it."""
        bits = f"; server_max_window_bits={self.server_bits}" if self.server_bits < _MOST_BITS else ""
        # RFC 7692 §7.1.1.2: a server may ask the client not to keep its window, whether or not that was offered.
        return f"permessage-deflate; server_no_context_takeover; client_no_context_takeover{bits}".encode()

    def compress(self, data: bytes) -> bytes:
        """A message in less octets."""
        # zlib makes no window of 2^8; one that is larger on our side only would not be allowed.
        encoder = zlib.compressobj(_LEVEL, zlib.DEFLATED, -self.server_bits, _MEMORY)
        return (encoder.compress(data) + encoder.flush(zlib.Z_SYNC_FLUSH)).removesuffix(_TAIL)


def negotiate(offers: str) -> Deflate | None:
    """The first offer in a Sec-WebSocket-Extensions header that we can take; None when there is none."""
    for offer in offers.split(",")[:_MAX_OFFERS]:
        name, *parameters = (part.strip() for part in offer.split(";"))
        if name.lower() == "permessage-deflate":
            agreed = _agree(parameters)
            if agreed is not None:
                return agreed
    return None


def _agree(parameters: list[str]) -> Deflate | None:
    """RFC 7692 §7.1: an offer with a parameter that is unknown, twice there or out of range is declined."""
    given: dict[str, str] = {}
    for parameter in parameters:
        name, equals, value = (part.strip() for part in parameter.partition("="))
        if name in given or (equals and not value):
            return None
        given[name] = value.strip('"')
    for name in ("server_no_context_takeover", "client_no_context_takeover"):
        if given.pop(name, ""):
            return None
    client, server = given.pop("client_max_window_bits", ""), given.pop("server_max_window_bits", None)
    if given or (client and _bits(client) is None):
        return None
    if server is None:
        return Deflate()
    bits = _bits(server)
    return Deflate(bits) if bits is not None and bits > 8 else None


def _bits(text: str) -> int | None:
    return int(text) if text in {"8", "9", "10", "11", "12", "13", "14", "15"} else None


def inflate(data: bytes, limit: int) -> bytes:
    """A message that a client has compressed. Raises TooLarge past the limit, ValueError for what is no DEFLATE."""
    decoder = zlib.decompressobj(-_MOST_BITS)
    try:
        out = decoder.decompress(data + _TAIL, limit + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if len(out) > limit:
        raise TooLarge
    # RFC 7692 §7.2.3.5: whoever ends with a final block (BFINAL) adds an empty one, of which our tail is the rest.
    if decoder.unconsumed_tail or decoder.unused_data not in {b"", _TAIL, b"\0" + _TAIL}:
        raise ValueError("there is more after the end")
    return out
