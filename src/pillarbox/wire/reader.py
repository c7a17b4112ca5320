"""Reads lines and counted octets for parsers that are generators, from input that comes in any pieces.

A parser says `line = yield from reader.line(limit)`. Each `yield` of None means: more octets are needed. Whoever drives
the parser feeds the reader and resumes it.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

# What a parser yields while it waits; it is sent nothing back that it would look at.
Reading = Generator[None, Any, bytes]


class LineTooLong(Exception):
    """A line is longer than its limit; `reader.skip_line()` swallows the rest of it."""


class EndOfInput(Exception):
    """The peer closed the connection in the middle of what was being read."""


class Reader:
    """The octets received and not yet read."""

    __slots__ = ("_at", "_buffer", "_ended")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0
        self._ended = False

    def __len__(self) -> int:
        """How many octets wait to be read."""
        return len(self._buffer) - self._at

    def feed(self, data: bytes) -> None:
        """Appends received octets."""
        if self._at:
            # Read octets are dropped once for each piece received, not once for each line.
            del self._buffer[: self._at]
            self._at = 0
        self._buffer += data

    def feed_end(self) -> None:
        """Says that no more octets will come."""
        self._ended = True

    def discard(self) -> None:
        """Drops what was received and not read, as after STARTTLS (RFC 3207 §6)."""
        self._buffer.clear()
        self._at = 0

    def line(self, limit: int) -> Reading:
        """The next line with its LF; raises LineTooLong when it has more than `limit` octets, EndOfInput at the end."""
        searched = 0
        while True:
            end = self._buffer.find(b"\n", self._at + searched, self._at + limit)
            if end >= 0:
                return self._take(end + 1 - self._at)
            searched = len(self)
            if searched >= limit:
                raise LineTooLong
            yield from self._more()

    def skip_line(self) -> Reading:
        """Swallows octets up to and with the next LF, in bounded memory; the answer is empty."""
        while (end := self._buffer.find(b"\n", self._at)) < 0:
            self.discard()
            yield from self._more()
        self._take(end + 1 - self._at)
        return b""

    def exact(self, count: int) -> Reading:
        """Exactly `count` octets; for large counts read `chunk` by `chunk` instead."""
        while len(self) < count:
            yield from self._more()
        return self._take(count)

    def chunk(self, limit: int) -> Reading:
        """At least one octet and at most `limit`, whatever is there."""
        while not len(self):
            yield from self._more()
        return self._take(min(limit, len(self)))

    def unread(self, data: bytes) -> None:
        """Gives octets back that were read too far."""
        self._buffer[: self._at] = data
        self._at = 0

    def _more(self) -> Generator[None, Any, None]:
        if self._ended:
            raise EndOfInput
        yield None

    def _take(self, count: int) -> bytes:
        start = self._at
        self._at += count
        return bytes(self._buffer[start : self._at])
