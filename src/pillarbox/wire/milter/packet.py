"""Packets: a length of four octets, a letter that says what it is, and data."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import msgspec

from pillarbox.wire.reader import Reader

LONGEST_PACKET = 1 << 20  # octets; a filter replaces a body by many of these


class MilterError(Exception):
    """The filter said what it may not say: the conversation cannot go on. The text is for the log."""


class Packet(msgspec.Struct, frozen=True):
    """One packet; `command` is one letter."""

    command: bytes
    data: bytes = b""


def packet_to_bytes(command: bytes, data: bytes = b"") -> bytes:
    """A packet as it goes over the wire."""
    return (len(data) + 1).to_bytes(4, "big") + command + data


def read_packet(reader: Reader) -> Generator[None, Any, Packet]:
    """The next packet. Raises MilterError when it is empty or too long, EndOfInput."""
    size = int.from_bytes((yield from reader.exact(4)), "big")
    if not 0 < size <= LONGEST_PACKET:
        raise MilterError(f"a packet of {size} octets")
    content = yield from reader.exact(size)
    return Packet(content[:1], content[1:])


def strings(*values: str | bytes) -> bytes:
    """Each value with the NUL that ends it. What has a NUL inside is cut there: it can come from a message only."""
    out = bytearray()
    for value in values:
        octets = value.encode(errors="replace") if isinstance(value, str) else value
        out += octets.partition(b"\0")[0] + b"\0"
    return bytes(out)


def split_strings(data: bytes, count: int) -> tuple[bytes, ...]:
    """Exactly so many strings that end with NUL. Raises MilterError."""
    parts = data.split(b"\0")
    if len(parts) != count + 1 or parts[-1]:
        raise MilterError("an answer whose strings cannot be told apart")
    return tuple(parts[:-1])
