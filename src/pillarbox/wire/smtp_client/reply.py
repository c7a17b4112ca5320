"""Reads the replies of an SMTP server (RFC 5321 §4.2, RFC 2034, RFC 3463)."""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from pillarbox.wire.reader import LineTooLong, Reader

_MAX_LINE = 2_048  # octets; RFC 5321 §4.5.3.1.5 has 512, and some write more
_MAX_LINES = 128
_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?\Z", re.DOTALL)
_STATUS = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |\Z)")
_FIRST = {"2": "2.0.0", "4": "4.0.0", "5": "5.0.0"}


class ReplyError(Exception):
    """What the server sent is no reply, or is larger than one may be: nothing after it can be understood."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A code and the text of each line; the text is printable, whatever the server sent."""

    code: int
    lines: tuple[str, ...] = ("",)

    @property
    def is_ok(self) -> bool:
        """Whether what was asked for is done."""
        return 200 <= self.code < 300

    @property
    def is_permanent(self) -> bool:
        """Whether asking again would be of no use."""
        return self.code >= 500

    @property
    def status(self) -> str:
        """The enhanced status code (RFC 3463); one that says no more than the code when the server gives none."""
        found = _STATUS.match(self.lines[0])
        fits = found is not None and found[1][0] == str(self.code)[0]
        return found[1] if found is not None and fits else _FIRST.get(str(self.code)[0], "4.0.0")

    def __str__(self) -> str:
        """The reply in one line, the enhanced status code told once."""
        texts = [_STATUS.sub("", line, count=1).strip() for line in self.lines]
        return " ".join([str(self.code), self.status, *(text for text in texts if text)])


def read_reply(reader: Reader) -> Generator[None, Any, Reply]:
    """The next reply. Raises ReplyError, EndOfInput."""
    texts: list[str] = []
    for _ in range(_MAX_LINES):
        try:
            line = yield from reader.line(_MAX_LINE)
        except LineTooLong:
            raise ReplyError("a line of the server's reply is too long") from None
        found = _LINE.match(line.rstrip(b"\r\n"))
        if found is None:
            raise ReplyError(f"not a reply: {shown(line)[:200]}")
        texts.append(shown(found[3] or b""))
        # RFC 5321 §4.2.1: in a multiline reply the code is the same in every line; the last one decides.
        if found[2] != b"-":
            return Reply(int(found[1]), tuple(texts))
    raise ReplyError("the server's reply has too many lines")


def shown(octets: bytes) -> str:
    """What a server sent, for a person: printable, in one line."""
    text = octets.decode("utf-8", "replace").strip()
    return "".join(c if c.isprintable() else "?" for c in text)
