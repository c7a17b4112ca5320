"""Finds the end of DATA and takes the stuffed dots out, by whole pieces and not line by line.

Sections: RFC 5321 §4.1.1.4, §4.5.2, §2.3.8.
"""

from __future__ import annotations

import re

# RFC 5321 §4.1.1.4: only <CRLF>.<CRLF> is the end. "." between other kinds of newline is content: that is what keeps
# a second message from being smuggled in the first.
_END = b"\r\n.\r\n"


class DotStream:
    """Takes the octets after 354 as they come; gives content."""

    __slots__ = ("_held", "_virtual", "rest")

    def __init__(self) -> None:
        # The line break before the first line is the one that ended the DATA command.
        self._held = b"\r\n"
        self._virtual = 2
        self.rest: bytes | None = None  # what follows the end; None until the end has come

    def feed(self, data: bytes) -> bytes:
        """Content that is certain by now; it never ends between CR and LF. At the end `rest` is set."""
        text = self._held + data
        end = text.find(_END)
        if end >= 0:
            self.rest = text[end + 5 :]
            return self._content(text[: end + 2])
        held = _held_back(text)
        self._held = text[len(text) - held :]
        return self._content(text[: len(text) - held])

    def _content(self, text: bytes) -> bytes:
        if not text:
            return text
        # RFC 5321 §4.5.2: a leading period is deleted if there are other characters on the line.
        text = text.replace(b"\r\n.", b"\r\n")
        if self._virtual:
            text, self._virtual = text[2:], 0
        return text


class LineCheck:
    """Watches content for newlines that are no CRLF, and for long lines, over any division into pieces."""

    __slots__ = ("_after_cr", "_length", "_long", "_max_line")

    def __init__(self, max_line: int) -> None:
        self._max_line = max_line
        self._long = re.compile(rb"[^\n]{%d}" % max_line) if max_line else None
        self._length = 0
        self._after_cr = False

    def has_bare_newline(self, data: bytes, *, last: bool) -> bool:
        """Whether the content so far has a CR or LF that is not part of a CRLF; `last` says that nothing follows."""
        starts_with_lf = data[:1] == b"\n"
        if data and self._after_cr != starts_with_lf:
            return True
        body = data[1:] if starts_with_lf else data
        self._after_cr = (body or data)[-1:] == b"\r" if data else self._after_cr
        if self._after_cr and data:
            body = body[:-1]
        pairs = body.count(b"\r\n")
        return body.count(b"\n") != pairs or body.count(b"\r") != pairs or (last and self._after_cr)

    def has_long_line(self, data: bytes) -> bool:
        """Whether a line of the content so far has more octets than allowed, with its CRLF (RFC 5321 §4.5.3.1.6)."""
        if self._long is None:
            return False
        first = data.find(b"\n")
        if self._length + (first + 1 if first >= 0 else len(data)) > self._max_line or self._long.search(data):
            return True
        last = data.rfind(b"\n")
        self._length = self._length + len(data) if last < 0 else len(data) - last - 1
        return False


def _held_back(text: bytes) -> int:
    """How many octets at the end could be the beginning of the end."""
    for length in (4, 3, 2, 1):
        if text.endswith(_END[:length]):
            return length
    return 0
