"""The parts of a message as BODY and BODYSTRUCTURE show them (RFC 9051 §7.5.2).

Messages inside are scanned for it, as deep and as much as a budget allows; what lies beyond is shown as opaque.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pillarbox.datatypes.email.imap_envelope import show_envelope
from pillarbox.datatypes.email.imap_spelling import Spelling, header_text
from pillarbox.formats.message import parameter
from pillarbox.formats.message.comment import remove_comments
from pillarbox.formats.message.embedded import TYPES, Embedded, embedded_message
from pillarbox.formats.message.part_header import content_fields
from pillarbox.formats.message.structure import Part, Structure
from pillarbox.wire.imap import body_structure as printed

MAX_DEPTH = 20  # of messages inside of messages
_DEFAULT = {"charset": "us-ascii"}
_NOTHING: Mapping[str, str] = {}
_REMEMBERED_OCTETS = 200
_LF = b"\n"


@dataclass(slots=True)
class _Budget:
    """How many octets of inner messages are still scanned: each level reads them again."""

    octets: int


@dataclass(slots=True)
class _Waiting:
    """A part that is not yet shown: in which octets it lies, and in how many messages inside of messages."""

    data: bytes
    part: Part
    depth: int


def show_body(data: bytes, structure: Structure, spelling: Spelling) -> str:
    """The text of BODY and BODYSTRUCTURE, with marks, without recursion over what a sender nests."""
    budget = _Budget(2 * len(data) + 65_536)
    out: list[str] = []
    todo: list[_Waiting | str] = [_Waiting(data, structure.root, 0)]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            out.append(item)
            continue
        inner: Sequence[_Waiting]
        if item.part.is_multipart:
            begin, end, inner = _multipart(item, spelling)
        else:
            begin, end, inner = _single(item, spelling, budget)
        out.append(begin)
        todo.append(end)
        todo.extend(reversed(inner))
    return "".join(out)


def _multipart(item: _Waiting, spelling: Spelling) -> tuple[str, str, Sequence[_Waiting]]:
    part = item.part
    content = content_fields(item.data, part.fields)
    parameters = spelling.parameters(_parameters(content.get("content-type"), part.type))
    subtype = spelling.text(part.type.partition("/")[2])
    end = printed.end_multipart(subtype, parameters, _extension(content, part, spelling))
    inner = [_Waiting(item.data, each, item.depth) for each in part.sub_parts]
    return "(" if inner else f"({printed.EMPTY_PART}", end, inner


def _single(item: _Waiting, spelling: Spelling, budget: _Budget) -> tuple[str, str, Sequence[_Waiting]]:
    data, part = item.data, item.part
    if part.type.startswith("text/") and (text := _common_text(data, part)) is not None:
        return text, "", ()
    content = content_fields(data, part.fields)
    octets = part.body_end - part.body_start
    message = _enclosed(item, budget)
    media_type = part.type if message or part.type not in TYPES else "application/octet-stream"
    main, _, subtype = media_type.partition("/")
    description = content.get("content-description", "").strip()
    begin = printed.basic(
        printed.Basic(
            spelling.text(main),
            spelling.text(subtype),
            spelling.parameters(_parameters(content.get("content-type"), part.type)),
            spelling.text(content.get("content-id", "").strip()) or None,
            spelling.text(description) or None,
            spelling.text(part.encoding),
            octets,
        )
    )
    lines = None
    if message is not None or main == "text":
        lines = data.count(_LF, part.body_start, part.body_end)
    md5 = spelling.text(content.get("content-md5", "").strip()) or None
    end = printed.end_basic(lines, md5, _extension(content, part, spelling))
    if message is None:
        return begin + end, "", ()
    root = message.structure.root
    shown = show_envelope(message.data, root.fields, spelling)
    return f"{begin} {shown} ", end, [_Waiting(message.data, root, item.depth + 1)]


def _enclosed(item: _Waiting, budget: _Budget) -> Embedded | None:
    size = item.part.body_end - item.part.body_start
    if item.part.type not in TYPES or item.depth >= MAX_DEPTH or size > budget.octets:
        return None
    budget.octets -= size
    return embedded_message(item.data[item.part.body_start : item.part.body_end], item.part)


def _common_text(data: bytes, part: Part) -> str | None:
    """A text of which no more is told than its type and its encoding, in ASCII; None if this one is another."""
    content_type = b""
    for field in part.fields:
        name = field.name
        if name[0] in "cC" and (lower := name.lower()).startswith("content-"):
            if lower == "content-type" and not content_type:
                content_type = data[field.value : field.end]
            elif lower != "content-transfer-encoding":
                return None
    encoding = part.encoding
    if len(content_type) + len(encoding) > _REMEMBERED_OCTETS or not (content_type.isascii() and encoding.isascii()):
        return None
    begin, end = _around_text(part.type, content_type, encoding)
    start, stop = part.body_start, part.body_end
    return f"{begin} {stop - start} {data.count(_LF, start, stop)}{end}"


@lru_cache(maxsize=1024)
def _around_text(media_type: str, content_type: bytes, encoding: str) -> tuple[str, str]:
    """What stands before and after the octets and lines of such a text: it is the same in most mail."""
    main, _, subtype = media_type.partition("/")
    parameters = _parameters(header_text(content_type), media_type)
    basic = printed.Basic(main, subtype, parameters, None, None, encoding, 0)
    return printed.basic(basic).removesuffix(" 0"), printed.end_basic(None, None, _NO_EXTENSION)


def _parameters(content_type: str | None, media_type: str) -> Mapping[str, str]:
    """The parameters of the type; those of a type that could not be understood are none of the part's.

    RFC 2231 §6: a server "should decode parameter value continuations when generating the BODY and BODYSTRUCTURE".
    """
    if content_type and parameter.parse_media_type(content_type) == media_type:
        return parameter.join_continuations(parameter.parse_parameters(content_type))
    return _DEFAULT if media_type == "text/plain" else _NOTHING


def _extension(content: Mapping[str, str], part: Part, spelling: Spelling) -> printed.Extension:
    if part.disposition is None and part.language is None and part.location is None:
        return _NO_EXTENSION
    parameters = parameter.join_continuations(parameter.parse_parameters(content.get("content-disposition", "")))
    location = content.get("content-location", "")
    return printed.Extension(
        None if part.disposition is None else spelling.text(part.disposition),
        spelling.parameters(parameters),
        part.language or (),
        None if part.location is None else spelling.text("".join(remove_comments(location).split())),
    )


_NO_EXTENSION = printed.Extension()
