"""The header of a message as signatures see it: its fields as they stand, and which of them a list of names means.

Sections: RFC 6376 §3.4.1, §3.4.2, §5.4.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from pillarbox.formats.message.header_block import read_block

# More is no mail that anybody signed; the time for each signature is proportional to it.
MAX_FIELDS = 2_000
MAX_HEADER = 1_000_000

_BARE_LF = re.compile(rb"(?<!\r)\n")
_WHITE = re.compile(rb"(?:[ \t]|\r\n(?=[ \t]))++")
# The value of b=, with the white space around it; a tag-list begins with a tag or with white space before one.
_B_VALUE = re.compile(rb"((?:\A|;)[ \t\r\n]*+b[ \t\r\n]*+=)[^;]*+")


class MessageField(msgspec.Struct, frozen=True):
    """A header field; `name` in lower case, `raw` all of it without its last CRLF, `value` what follows the colon."""

    name: str
    raw: bytes
    value: bytes

    def canonical(self, *, is_relaxed: bool) -> bytes:
        """What is hashed of it (RFC 6376 §3.4.1, §3.4.2), without its last CRLF."""
        return relaxed(self.name, self.value) if is_relaxed else self.raw

    def unsigned(self) -> MessageField:
        """The same with the value of its tag `b` removed, as RFC 6376 §3.7 hashes a signature."""
        value = _B_VALUE.sub(rb"\1", self.value, count=1)
        return MessageField(self.name, self.raw[: len(self.raw) - len(self.value)] + value, value)


class Header(msgspec.Struct, frozen=True):
    """All fields from the top, and the offset at which the body begins."""

    fields: tuple[MessageField, ...]
    body_start: int
    is_over_budget: bool = False

    def named(self, name: str) -> list[MessageField]:
        """The fields of a name (in lower case) from the top."""
        return [field for field in self.fields if field.name == name]


def relaxed(name: str, value: bytes) -> bytes:
    """The relaxed form of a field: unfolded, white space made one space, none at the ends and around the colon."""
    if b"\n" in value or b"\t" in value or b"  " in value:
        value = _WHITE.sub(b" ", value)
    return name.encode("ascii") + b":" + value.strip(b" ")


def read_header(message: bytes) -> Header:
    """Read the header of a message. A bare LF is taken for CRLF, as which it will be sent."""
    block = read_block(message, 0, MAX_FIELDS, MAX_HEADER)
    if block.is_over_budget or block.is_oversized or block.end > MAX_HEADER:
        return Header((), block.body_start, is_over_budget=True)
    fields = []
    for field in block.fields:
        raw, value = message[field.start : field.end], message[field.value : field.end]
        if raw.count(b"\n") != raw.count(b"\r\n"):
            raw, value = _BARE_LF.sub(b"\r\n", raw), _BARE_LF.sub(b"\r\n", value)
        fields.append(MessageField(field.name.lower(), raw, value))
    return Header(tuple(fields), block.body_start)


def select(fields: Sequence[MessageField], names: Iterable[str]) -> list[MessageField]:
    """The fields that a list of names means: of fields of one name the last is first (RFC 6376 §5.4.2).

    A name of which there is no field, or none left, means nothing.
    """
    left: dict[str, list[MessageField]] = {}
    for field in fields:
        left.setdefault(field.name, []).append(field)
    return [stack.pop() for name in names if (stack := left.get(name))]
