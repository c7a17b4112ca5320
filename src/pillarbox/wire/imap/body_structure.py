"""BODY and BODYSTRUCTURE of FETCH (RFC 9051 §7.5.2), both told by one text.

Extension data is what BODYSTRUCTURE has and BODY has not. In the text that is made here it stands between two `MARK`s:
`basic MARK extension MARK basic ...`. A mark is NUL, which no string of IMAP can hold. A text is the joined words of
`basic` and `end_basic` for a part, of "(", its parts and `end_multipart` for a multipart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pillarbox.wire.imap.response import NIL, nstring, string

MARK = "\0"
_MARK = MARK.encode()
# A multipart has at least one part in the grammar; one that has none is shown with an empty text.
EMPTY_PART = f'("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 0 0{MARK} NIL NIL NIL NIL{MARK})'


class Extension(NamedTuple):
    """What extension data of any part ends in."""

    disposition: str | None = None
    disposition_parameters: Mapping[str, str] = {}
    language: Sequence[str] = ()
    location: str | None = None


class Basic(NamedTuple):
    """The fields of a part that is no multipart. `octets` counts them as they are encoded."""

    type: str
    subtype: str
    parameters: Mapping[str, str]
    id: str | None
    description: str | None
    encoding: str
    octets: int


def basic(values: Basic) -> str:
    """The opening parenthesis and the fields that each part has that is no multipart."""
    type, subtype, parameters, id, description, encoding, octets = values
    return (
        f"({string(type.upper(), is_utf8=True)} {string(subtype.upper(), is_utf8=True)} {_parameters(parameters)}"
        f" {nstring(id, is_utf8=True)} {nstring(description, is_utf8=True)}"
        f" {string(encoding.upper(), is_utf8=True)} {octets}"
    )


def end_basic(lines: int | None, md5: str | None, extension: Extension) -> str:
    """The end of a part: its lines if it is text or a message, extension data, the parenthesis."""
    counted = "" if lines is None else f" {lines}"
    return f"{counted}{MARK} {nstring(md5, is_utf8=True)}{_extension(extension)}{MARK})"


def end_multipart(subtype: str, parameters: Mapping[str, str], extension: Extension) -> str:
    """The end of a multipart, after its parts."""
    word = string(subtype.upper(), is_utf8=True)
    return f" {word}{MARK} {_parameters(parameters)}{_extension(extension)}{MARK})"


def body_structure(text: bytes) -> bytes:
    """BODYSTRUCTURE of a text with marks, or the responses that have such texts in them."""
    return text.replace(_MARK, b"")


def body(text: bytes) -> bytes:
    """BODY of a text with marks."""
    return b"".join(text.split(_MARK)[::2])


def _parameters(parameters: Mapping[str, str]) -> str:
    if not parameters:
        return NIL
    words = [
        f"{string(name.upper(), is_utf8=True)} {string(value, is_utf8=True)}" for name, value in parameters.items()
    ]
    return f"({' '.join(words)})"


def _extension(values: Extension) -> str:
    disposition, parameters, language, location = values
    if disposition is None and not language and location is None:
        return " NIL NIL NIL"
    told = NIL
    if disposition is not None:
        told = f"({string(disposition.upper(), is_utf8=True)} {_parameters(parameters)})"
    tags = [string(tag, is_utf8=True) for tag in language]
    spoken = f"({' '.join(tags)})" if tags else NIL
    return f" {told} {spoken} {nstring(location, is_utf8=True)}"
