"""BODYPARTSTRUCTURE: one part of a message as BODYSTRUCTURE shows it (RFC 5524 §3.2).

It tells of the content as it is sent: of content whose transfer encoding was removed, the sizes that it has then.
"""

from __future__ import annotations

import msgspec

from pillarbox.datatypes.email.imap_body import show_body
from pillarbox.datatypes.email.imap_path import Place
from pillarbox.datatypes.email.imap_spelling import Spelling
from pillarbox.formats.message import transfer
from pillarbox.formats.message.structure import Field, Part, Structure
from pillarbox.formats.message.transfer_encoding import identity_of
from pillarbox.wire.imap.body_structure import body_structure
from pillarbox.wire.imap.response import to_bytes


def show_place(place: Place, *, is_decoded: bool, is_utf8: bool) -> bytes:
    """The structure of a part or message; `is_decoded`: as its content is when the encoding is known and removed.

    Reads the part's octets, and of a multipart all that stand before as well, to which its offsets count.
    """
    part = place.part
    if place.is_message or part.is_multipart:
        data = place.octets.read(0, place.octets.size if place.is_message else part.body_end)
    else:
        data, part = _alone(place, is_decoded=is_decoded)
    return body_structure(to_bytes(show_body(data, Structure(part), Spelling(is_utf8=is_utf8))))


def _alone(place: Place, *, is_decoded: bool) -> tuple[bytes, Part]:
    """The header and the content of a part that holds no parts, and the part with its offsets in these octets."""
    part, begin = place.part, place.part.header_start
    content = place.octets.read(part.body_start, part.body_end)
    encoding = part.encoding
    if is_decoded and encoding not in transfer.IDENTITY and transfer.is_known(encoding):
        content = transfer.decode_transfer(content, encoding)
        encoding = identity_of(content)
    head = part.body_start - begin
    moved = msgspec.structs.replace(
        part,
        encoding=encoding,
        header_start=0,
        header_end=part.header_end - begin,
        body_start=head,
        body_end=head + len(content),
        fields=[Field(name, start - begin, value - begin, end - begin) for name, start, value, end in _offsets(part)],
    )
    return place.octets.read(begin, part.body_start) + content, moved


def _offsets(part: Part) -> list[tuple[str, int, int, int]]:
    return [(field.name, field.start, field.value, field.end) for field in part.fields]
