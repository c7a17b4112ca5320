"""A client's end of an IMAP connection, without the socket: commands out, responses in (RFC 9051 §2.2)."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Generator
from typing import Any

from pillarbox.wire.imap_client.response import Bounds, Response, read_response
from pillarbox.wire.reader import Reader

_QUOTABLE = re.compile(rb"[\x20-\x7e]{0,1000}\Z")
_SPECIAL = re.compile(rb'(["\\])')


class Literal(bytes):
    """Octets that go as a literal: the server is asked before they are sent."""

    __slots__ = ()


def astring(octets: bytes) -> bytes:
    """A string as an argument: quoted where that is allowed, else a `Literal` (RFC 9051 §4.3)."""
    if _QUOTABLE.match(octets):
        return b'"' + _SPECIAL.sub(rb"\\\1", octets) + b'"'
    return Literal(octets)


class Conversation:
    """One connection's state: what is to be sent, and what has been received."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._reader = Reader()
        self._reading: Generator[None, Any, Response] | None = None
        self._out = bytearray()
        self._held: deque[bytes] = deque()  # what may go after the next `+`
        self._count = 0

    def send(self, *parts: bytes) -> str:
        """Put a command, whose parts are joined by nothing, into the line; returns its tag."""
        self._count += 1
        tag = f"P{self._count}"
        pieces = [tag.encode() + b" "]
        for part in parts:
            if isinstance(part, Literal):
                pieces[-1] += b"{%d}\r\n" % len(part)
                pieces.append(bytes(part))
            else:
                pieces[-1] += part
        pieces[-1] += b"\r\n"
        if self._held:
            raise RuntimeError("a command waits for the server; nothing can follow it yet")
        self._out += pieces[0]
        self._held.extend(pieces[1:])
        return tag

    def answer(self, line: bytes) -> None:
        """Put the answer to a challenge into the line (RFC 9051 §6.2.2)."""
        self._out += line + b"\r\n"

    def data_to_send(self) -> bytes:
        """What is to be sent now, once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def receive_data(self, data: bytes) -> None:
        """Take what the server sent; nothing means that it closed the connection."""
        if data:
            self._reader.feed(data)
        else:
            self._reader.feed_end()

    def discard_input(self) -> None:
        """Forget what came before TLS began: it may be anybody's (RFC 9051 §6.2.1)."""
        self._reader.discard()

    def next_response(self) -> Response | None:
        """The next whole response; None when more has to be received. Raises ResponseError, EndOfInput.

        A `+` that only lets a literal go is not told: then there is something to send.
        """
        while True:
            if self._reading is None:
                self._reading = read_response(self._reader, self._bounds)
            try:
                next(self._reading)
            except StopIteration as end:
                self._reading = None
                response: Response = end.value
                if response.tag == "+" and self._held:
                    self._out += self._held.popleft()
                    return None
                if response.is_end:
                    self._held.clear()
                return response
            return None
