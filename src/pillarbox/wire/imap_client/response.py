"""Reads the responses of an IMAP server, literals included (RFC 9051 §7, §2.2.2)."""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from pillarbox.wire.imap_client.value import ResponseError, Value, parse_values, shown, text_of
from pillarbox.wire.reader import LineTooLong, Reader

_LITERAL = re.compile(rb"~?\{(\d{1,10})\+?\}\r?\n\Z")
_STATUS = re.compile(rb"([^ \r\n]+) (OK|NO|BAD|BYE|PREAUTH)(?: |\r?\n|\Z)", re.IGNORECASE)
_CODE = re.compile(rb"\[((?:[^\]\"\r\n]|\"(?:[^\"\\\r\n]|\\.)*\")*)\] ?")
_DATA = re.compile(rb"\* (?:(\d{1,10}) )?([A-Za-z][A-Za-z0-9._-]*)")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one response may cost, in octets but for `literals`, a count."""

    line: int = 1 << 20
    literal: int = 100 << 20
    literals: int = 1_000


@dataclass(frozen=True, slots=True)
class Response:
    """One response.

    `tag` is `*`, `+` or a command's; `name` is in upper case, "" after `+`. `number` is that of `* 12 FETCH`. The
    status responses have a `code` in upper case (or ""), its values, and a text for people.
    """

    tag: str
    name: str
    number: int | None = None
    values: list[Value] = field(default_factory=list)
    code: str = ""
    text: str = ""

    @property
    def is_end(self) -> bool:
        """Whether a command ends with it."""
        return self.tag not in ("*", "+")


def read_response(reader: Reader, bounds: Bounds) -> Generator[None, Any, Response]:
    """The next response. Raises ResponseError when it is none or too large, EndOfInput when there is no more."""
    try:
        line = yield from reader.line(bounds.line)
        if line.startswith(b"+"):
            return Response("+", "", text=text_of(line[1:].strip()))
        if (status := _STATUS.match(line)) is not None:
            return _status(line, status)
        lines, literals = [line], list[bytes]()
        while (found := _LITERAL.search(lines[-1])) is not None:
            lines[-1] = lines[-1][: found.start()]
            literals.append((yield from _literal(reader, int(found[1]), bounds, literals)))
            lines.append((yield from reader.line(bounds.line)))
    except LineTooLong:
        raise ResponseError("a line of the server is too long") from None
    return _data(lines, literals)


def _literal(reader: Reader, size: int, bounds: Bounds, before: list[bytes]) -> Generator[None, Any, bytes]:
    if size > bounds.literal - sum(map(len, before)) or len(before) >= bounds.literals:
        raise ResponseError(f"a response is larger than {bounds.literal} octets")
    pieces: list[bytes] = []
    while size > 0:
        piece = yield from reader.chunk(size)
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _status(line: bytes, status: re.Match[bytes]) -> Response:
    code, values, at = "", list[Value](), status.end()
    if (found := _CODE.match(line, at)) is not None:
        at = found.end()
        name, _, rest = found[1].partition(b" ")
        code = text_of(name).upper()
        try:
            values = parse_values([rest], [])
        except ResponseError:  # a code that is not known may look as it likes: RFC 9051 §7.1
            values = []
    return Response(text_of(status[1]), text_of(status[2]).upper(), values=values, code=code, text=shown(line[at:]))


def _data(lines: list[bytes], literals: list[bytes]) -> Response:
    found = _DATA.match(lines[0])
    if found is None:
        raise ResponseError(f"not a response: {shown(lines[0])}")
    number = int(found[1]) if found[1] is not None else None
    return Response("*", text_of(found[2]).upper(), number, parse_values(lines, literals, found.end()))
