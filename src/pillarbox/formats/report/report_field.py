"""The machine-readable part of a report: groups of fields that look like header fields.

Sections: RFC 6522 §3; RFC 3464 §2.1; RFC 8098 §3.1.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pillarbox.formats.message.body import decode_beginning
from pillarbox.formats.message.encode import clean_text, encode_text
from pillarbox.formats.message.fold import fold
from pillarbox.formats.message.header import as_text
from pillarbox.formats.message.structure import Part, Structure

_MAX_FIELDS = 5000
_MAX_OCTETS = 1024 * 1024
_NAME = re.compile(rb"[!-9;-~]{1,200}\Z")
_TOKEN_NAME = re.compile(r"[!-9;-~]{1,76}\Z")

Group = list[tuple[str, str]]


def parse_groups(octets: bytes, max_fields: int = _MAX_FIELDS) -> list[Group]:
    """Groups of (name, unfolded and decoded value), divided by blank lines; what is no field is passed over.

    Budgeted: 1 MiB and 5000 fields, or fewer; the rest is ignored.
    """
    groups: list[Group] = [[]]
    for number, (name, value) in enumerate(_fields(octets[:_MAX_OCTETS])):
        if number >= max_fields:
            break
        if name:
            groups[-1].append((name.decode("ascii"), as_text(value).rstrip()))
        elif groups[-1]:
            groups.append([])
    return [group for group in groups if group]


def group_to_bytes(group: Iterable[tuple[str, str | None]], *, keep_utf8: bool = False) -> bytes:
    """A group of fields with CRLF; fields without a value, or with a name that is none, are left out.

    What is not ASCII becomes encoded words, unless `keep_utf8`, which is for message/global parts (RFC 6533).
    """
    return b"".join(
        fold(name, _words(value) if keep_utf8 else encode_text(value))
        for name, value in group
        if value and _TOKEN_NAME.match(name)
    )


def last_value(group: Group, name: str) -> str | None:
    """The value of a field, None if it is not there or empty."""
    return next((value for key, value in reversed(group) if key.lower() == name and value), None)


def report_part(
    data: bytes,
    structure: Structure,
    types: tuple[str, ...],
    *,
    max_octets: int = _MAX_OCTETS,
    max_fields: int = _MAX_FIELDS,
) -> tuple[Part, list[Group]] | None:
    """The first part of one of the types with its groups of fields; what is past the budgets is ignored."""
    for part in structure.leaves():
        if part.type in types and (groups := parse_groups(decode_beginning(data, part, max_octets), max_fields)):
            return part, groups
    return None


def _fields(octets: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and values; a blank line is a pair of empty octets."""
    name, lines = b"", list[bytes]()
    for line in octets.splitlines():
        if line[:1] in (b" ", b"\t") and line.strip():
            lines.append(line)
            continue
        if name:
            yield name, b"\r\n".join(lines)
        key, colon, rest = line.partition(b":")
        name, lines = b"", []
        if colon and _NAME.match(key.rstrip()):
            name, lines = key.rstrip(), [rest]
        elif not line.strip():
            yield b"", b""
    if name:
        yield name, b"\r\n".join(lines)


def _words(value: str) -> list[str]:
    first, *others = clean_text(value).split() or [""]
    return [first, *(f" {word}" for word in others)]
