"""The values in a server's response: atoms, strings, NIL and lists (RFC 9051 §4)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

# An atom is a str, a quoted string or a literal is bytes, NIL is None.
Value: TypeAlias = "str | bytes | list[Value] | None"

_MAX_DEPTH = 40
# One token after any spaces. In an atom, what stands between brackets belongs to it: BODY[HEADER.FIELDS (DATE)].
_TOKEN = re.compile(rb' *(?:([()])|"((?:[^"\\\r\n]|\\[^\r\n])*)"|((?:\[[^\[\]"\r\n]*\]|[^ ()"\r\n])+)|(\r?\n?\Z))')
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


class ResponseError(Exception):
    """What the server sent cannot be read, or is larger than a response may be."""


def parse_values(lines: Sequence[bytes], literals: Sequence[bytes], start: int = 0) -> list[Value]:
    """The values of a response. `literals[i]` stands between `lines[i]` and `lines[i + 1]`.

    The lines have no `{n}` any more; reading begins in the first one, at `start`. Raises ResponseError.
    """
    top: list[Value] = []
    open_lists = [top]
    for number, line in enumerate(lines):
        _parse_line(line, start if number == 0 else 0, open_lists)
        if number < len(literals):
            open_lists[-1].append(literals[number])
    if len(open_lists) != 1:
        raise ResponseError("a list does not end")
    return top


def _parse_line(line: bytes, at: int, open_lists: list[list[Value]]) -> None:
    while at < len(line):
        found = _TOKEN.match(line, at)
        if found is None:
            raise ResponseError(f"not a value: {shown(line[at : at + 40])}")
        at = found.end()
        bracket, quoted, atom, end = found.groups()
        if bracket == b"(":
            _open(open_lists)
        elif bracket == b")":
            if len(open_lists) == 1:
                raise ResponseError("a list ends that did not begin")
            open_lists.pop()
        elif quoted is not None:
            open_lists[-1].append(_ESCAPED.sub(rb"\1", quoted))
        elif atom is not None:
            open_lists[-1].append(None if atom.upper() == b"NIL" else text_of(atom))
        elif end is not None:
            return


def _open(open_lists: list[list[Value]]) -> None:
    if len(open_lists) > _MAX_DEPTH:
        raise ResponseError("lists are nested too deeply")
    inner: list[Value] = []
    open_lists[-1].append(inner)
    open_lists.append(inner)


def text_of(octets: bytes) -> str:
    """Octets as text that `octets_of` turns back into exactly them."""
    return octets.decode("ascii", "surrogateescape")


def octets_of(value: Value) -> bytes:
    """The octets of an atom or a string, b"" for NIL. Raises ResponseError for a list."""
    if isinstance(value, str):
        return value.encode("ascii", "surrogateescape")
    if isinstance(value, list):
        raise ResponseError("a list where a string belongs")
    return value or b""


def number_of(value: Value) -> int:
    """A number. Raises ResponseError."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        return int(value)
    raise ResponseError(f"not a number: {value!r}")


def shown(octets: bytes) -> str:
    """What a server sent, for a person: printable, and not long."""
    text = octets.decode("utf-8", "replace").strip()
    return "".join(c if c.isprintable() else "?" for c in text)[:300]
