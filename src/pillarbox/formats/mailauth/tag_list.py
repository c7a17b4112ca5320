"""Tag lists, `v=1; a=rsa-sha256; ...`, of which signatures, seals and key records are made.

Sections: RFC 6376 §3.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# tag-spec = [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS]; in a value are VALCHAR, tabs, spaces and folds. Octets
# above 0x7f may stand in values by RFC 8616 §3. Possessive throughout: nothing is ever given back.
_TAG = re.compile(rb"[ \t\r\n]*+([A-Za-z][A-Za-z0-9_]*+)[ \t\r\n]*+=([\t\r\n -:<-~\x80-\xff]*+)\Z")
_LINE_BREAK = re.compile(rb"\r?\n[ \t]++")
_WHITE = b" \t\r\n"
_SPACE = re.compile(r"[ \t\r\n]+")
# Tags that anybody is known to use are not 20 in number.
_MAX_TAGS = 100


class BadTagList(ValueError):
    """It is no list of tags; the message says why."""


def parse_tags(value: bytes) -> dict[str, str]:
    """The tags in their order, values without white space around them, folds undone.

    Names are told apart by case. Raises BadTagList for what the grammar does not allow, and for a tag that stands
    twice: "Tags with duplicate names MUST NOT occur within a single tag-list" (RFC 6376 §3.2).
    """
    pieces = value.split(b";", _MAX_TAGS + 1)
    if len(pieces) > _MAX_TAGS:
        raise BadTagList("too many tags")
    if not pieces[-1].strip(_WHITE):
        pieces.pop()  # the last tag may be followed by a semicolon, and by white space
    tags: dict[str, str] = {}
    for piece in pieces:
        match = _TAG.match(piece)
        if match is None:
            raise BadTagList("no list of tags")
        name = match[1].decode("ascii")
        if name in tags:
            raise BadTagList(f"the tag {name} stands twice")
        tags[name] = _value(match[2])
    return tags


def _value(octets: bytes) -> str:
    value = octets.strip(_WHITE)
    if b"\n" in value or b"\r" in value:
        value = _LINE_BREAK.sub(b" ", value)
    if b"\n" in value or b"\r" in value:
        raise BadTagList("a line break that is no fold")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise BadTagList("octets that are no UTF-8") from None


def unspaced(value: str) -> str:
    """A value without white space, where the grammar has it between any two characters, as in base64."""
    return _SPACE.sub("", value)


def colon_list(value: str) -> tuple[str, ...]:
    """The items of a list such as that of `h=`, in lower case; an item may be empty."""
    return tuple(item.strip(" \t\r\n").lower() for item in value.split(":"))


def number(tags: Mapping[str, str], name: str, most_digits: int) -> int | None:
    """The value of a tag that is a decimal number, None where there is none. Raises BadTagList for anything else."""
    text = tags.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= most_digits):
        raise BadTagList(f"{name} is no number")
    return int(text)
