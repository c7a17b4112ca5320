"""Mailbox names between text and the wire: modified UTF-7, or UTF-8 once that is enabled.

Sections: RFC 3501 §5.1, §5.1.3; RFC 9051 §5.1, §A.1; RFC 6855 §3.
"""

from __future__ import annotations

import base64
import binascii
import re

SEPARATOR = "/"
INBOX = "INBOX"

_LONGEST = 16 * 1024  # characters; clients may use arguments of 8000 octets
_ENCODED = re.compile(r"&([A-Za-z0-9+,]*)-")
# What stands for itself in modified UTF-7: printable US-ASCII but "&".
_PLAIN = re.compile(r"[\x20-%'-~]")
_NOT_PLAIN = re.compile(r"&|[^\x20-~]+")
# RFC 9051 §5.1: names are Net-Unicode, which has no control characters; a lone surrogate is octets that are not UTF-8.
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class BadName(ValueError):
    """The name is no mailbox name; the text says why."""


def parse_name(raw: str, *, is_utf8: bool) -> str:
    """The name that a client wrote; every spelling of INBOX becomes `INBOX`, as the first of several levels, too.

    With `is_utf8` nothing is encoded: "&" is an ampersand (RFC 6855 §3). Without, the name is modified UTF-7; octets
    over 127, which no name should have then, are taken for UTF-8. Raises BadName.
    """
    if len(raw) > _LONGEST:
        raise BadName("A mailbox name is too long")
    name = raw if is_utf8 or "&" not in raw else _decoded(raw)
    if not name.isascii() or not name.isprintable():
        _check(name)
    if name[:5].upper() == INBOX and name[5:6] in ("", SEPARATOR):
        return INBOX + name[5:]
    return name


def parse_pattern(raw: str, *, is_utf8: bool) -> str:
    """A pattern of LIST, with its wildcards; one that is wrongly encoded stays as it is, and matches nothing."""
    try:
        return parse_name(raw, is_utf8=is_utf8)
    except BadName:
        return _FORBIDDEN.sub("\ufffd", raw)


def name_to_text(name: str, *, is_utf8: bool) -> str:
    """The name as a client of this kind reads it, before it is quoted; without `is_utf8` it is printable US-ASCII."""
    if is_utf8 or (name.isascii() and "&" not in name and name.isprintable()):
        return name
    return _NOT_PLAIN.sub(_encoded, name)


def _check(name: str) -> None:
    if _FORBIDDEN.search(name):
        raise BadName("A mailbox name has no control characters, and its octets are UTF-8")


def _encoded(match: re.Match[str]) -> str:
    if match[0] == "&":
        return "&-"
    # A name of our own may hold half a character, if a careless client stored it: it is shown as a mark.
    octets = match[0].encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace").encode("utf-16-be")
    return f"&{_to_base64(octets)}-"


def _decoded(raw: str) -> str:
    out = []
    at = 0
    while (start := raw.find("&", at)) >= 0:
        out.append(raw[at:start])
        match = _ENCODED.match(raw, start)
        if not match:
            raise BadName('In a mailbox name "&" begins modified UTF-7, or is written "&-"')
        out.append(_shift(match[1]) if match[1] else "&")
        at = match.end()
    out.append(raw[at:])
    return "".join(out)


def _shift(encoded: str) -> str:
    """What stands between "&" and "-"."""
    try:
        octets = base64.b64decode(encoded.replace(",", "/") + "=" * (-len(encoded) % 4), validate=True)
        text = octets.decode("utf-16-be")
    except (binascii.Error, UnicodeDecodeError):
        raise BadName("A mailbox name is not modified UTF-7") from None
    # RFC 3501 §5.1.3: what can stand for itself "MUST NOT" be encoded: no separator and no wildcard comes in this way.
    if not octets or _PLAIN.search(text):
        raise BadName("A mailbox name encodes what stands for itself")
    if _to_base64(octets) != encoded:  # bits behind the last character
        raise BadName("A mailbox name is not modified UTF-7")
    return text


def _to_base64(octets: bytes) -> str:
    return binascii.b2a_base64(octets, newline=False).rstrip(b"=").replace(b"/", b",").decode()
