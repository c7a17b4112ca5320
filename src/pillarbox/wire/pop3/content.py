"""A message on its way to the client: lines that end in CRLF, dots stuffed, cut off for TOP; in pieces of any size.

Sections: RFC 1939 §3, §7 (TOP).
"""

from __future__ import annotations

import re

_BARE_LF = re.compile(rb"(?<!\r)\n")
_HEADER_END = b"\r\n\r\n"


class Content:
    """Makes of a message's octets, as they come, what follows `+OK`; all pieces together end with the line of a dot.

    A CR that is not part of a CRLF is content; an LF ends a line and gets its CR. Otherwise a line of a dot that ends
    in LF alone would end the message for clients that look for LF, and they would take what follows for replies.
    """

    def __init__(self, lines: int | None = None) -> None:
        """`lines`: how many lines of the body are wanted, after the header and the empty line; None for all."""
        self._last = b"\n"  # the octet before: a message begins at the beginning of a line
        self._cut = _Cut(lines) if lines is not None else None

    @property
    def is_complete(self) -> bool:
        """Whether no more octets of the message are wanted."""
        return self._cut is not None and self._cut.is_complete

    def feed(self, piece: bytes) -> bytes:
        """The next octets of the message, as they are sent."""
        if self.is_complete or not piece:
            return b""
        before, self._last = self._last, piece[-1:]
        if piece.count(b"\n") != piece.count(b"\r\n"):
            # The line feed at the beginning of a piece may belong to the CR before it.
            joined = before == b"\r" and piece.startswith(b"\n")
            piece = b"\n" + _BARE_LF.sub(b"\r\n", piece[1:]) if joined else _BARE_LF.sub(b"\r\n", piece)
        if self._cut is not None:
            piece = self._cut.feed(piece)
        out = piece.replace(b"\n.", b"\n..")
        return b"." + out if before == b"\n" and out.startswith(b".") else out

    def end(self) -> bytes:
        """What is sent after the last piece: the end of a line that has none, and the dot."""
        return b".\r\n" if self._last == b"\n" or self.is_complete else b"\r\n.\r\n"


class _Cut:
    """The header, the empty line, and so many lines (RFC 1939 §7); takes octets whose lines end in CRLF."""

    def __init__(self, lines: int) -> None:
        self._left = lines
        self._tail = b"\r\n"  # an empty line may be the first; what is looked through for the end of the header
        self._is_in_body = False
        self.is_complete = False

    def feed(self, piece: bytes) -> bytes:
        start = 0
        if not self._is_in_body:
            text = self._tail + piece
            end = text.find(_HEADER_END)
            if end < 0:
                self._tail = text[-3:]
                return piece
            self._is_in_body = True
            start = end + len(_HEADER_END) - len(self._tail)
        found = piece.count(b"\n", start)
        if found < self._left:
            self._left -= found
            return piece
        while self._left:
            start = piece.index(b"\n", start) + 1
            self._left -= 1
        self.is_complete = True
        return piece[:start]
