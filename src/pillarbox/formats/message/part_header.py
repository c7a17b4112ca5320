"""Fills in what a part's own header says about it: type, charset, disposition, file name, id, language, location.

RFC 2045 §5 to §7, RFC 2183, RFC 2557 §4, RFC 3282, RFC 8621 §4.1.4.
"""

import re
from collections.abc import Sequence

from pillarbox.formats.message import charset, comment, encoded_word, parameter
from pillarbox.formats.message.structure import Field, Part

_ANGLED = re.compile(r"<([^<>]*)>")
_LANGUAGE = re.compile(r"[A-Za-z0-9*-]{1,64}")
_MAX_LANGUAGES = 50
_WHITE = re.compile(r"\s+")
_PLAIN_TYPE = re.compile(rb"[ \t]*([A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+)[ \t]*\Z")


class Description:
    """The multipart boundary, and the fields of a part by name that matter for its structure."""

    __slots__ = ("boundary", "part")

    def __init__(self, part: Part, boundary: bytes | None) -> None:
        self.part = part
        self.boundary = boundary


def describe(data: bytes, fields: list[Field], default_type: str, max_parameters: int) -> Description:
    """A part with the values of its Content-* fields; of a field that stands twice the first counts.

    Without a Content-Type, or with one that cannot be read, the type is the default (RFC 2045 §5.2).
    """
    content = content_fields(data, fields)
    part = Part(default_type)
    boundary = None
    if "content-type" in content:
        boundary = _apply_type(part, content["content-type"], max_parameters)
    elif default_type == "text/plain":
        part.charset = "us-ascii"
    if "content-transfer-encoding" in content:
        part.encoding = parameter.parse_value(content["content-transfer-encoding"]) or "7bit"
    if "content-disposition" in content:
        _apply_disposition(part, content["content-disposition"], max_parameters)
    _apply_rest(part, content)
    return Description(part, boundary)


def content_fields(data: bytes, fields: Sequence[Field]) -> dict[str, str]:
    """The unfolded values of the Content-* fields by lower-case name; the first of a name that is not empty counts."""
    found: dict[str, str] = {}
    for field in fields:
        name = field.name
        if name[0] in "cC" and len(name) >= 10 and (lower := name.lower()).startswith("content-"):
            found.setdefault(lower, "")
            if not found[lower]:
                value = charset.decode_header_octets(data[field.value : field.end])
                found[lower] = comment.unfold(value).replace("\0", "")
    return found


def _apply_type(part: Part, value: str, max_parameters: int) -> bytes | None:
    """Set type, charset and (for want of a better one) name; the boundary of a multipart is returned."""
    media_type = parameter.parse_media_type(value)
    parameters = parameter.parse_parameters(value, max_parameters)
    if media_type is not None:
        part.type = media_type
    if part.type.startswith("text/"):
        # "null if the header field is present but not of type text/*"
        part.charset = parameter.token(parameter.decode_parameter(parameters, "charset")) or "us-ascii"
    part.name = parameter.decode_parameter(parameters, "name") or None
    boundary = parameters.get("boundary") or parameter.decode_parameter(parameters, "boundary")
    return boundary.rstrip(" \t").encode() if boundary else None


def _apply_disposition(part: Part, value: str, max_parameters: int) -> None:
    part.disposition = parameter.parse_value(value)
    name = parameter.decode_parameter(parameter.parse_parameters(value, max_parameters), "filename")
    part.name = name or part.name


def _apply_rest(part: Part, content: dict[str, str]) -> None:
    if "content-id" in content:
        value = content["content-id"]
        match = _ANGLED.search(value)
        part.cid = (match[1] if match else comment.remove_comments(value)).strip() or None
    if "content-language" in content:
        tags = _LANGUAGE.findall(comment.remove_comments(content["content-language"]))
        part.language = tags[:_MAX_LANGUAGES] or None
    if "content-location" in content:
        # RFC 2557 §4.4.2: white space inside a folded URI does not belong to it.
        value = comment.remove_comments(encoded_word.decode_words(content["content-location"].strip()))
        part.location = _WHITE.sub("", value) or None
