"""What a mailing list puts on top of a message; all that the author wrote stays, so that signatures hold.

Sections: RFC 2369 §2, §3, §5; RFC 2919 §2, §3, §8; RFC 9228 (Delivered-To); RFC 3834 §3.1.8 (Precedence).
"""

from __future__ import annotations

import msgspec

from pillarbox.formats.message.draft import DraftField, Raw, Text, Urls
from pillarbox.formats.message.encode import encode_phrase
from pillarbox.formats.message.field import field_to_bytes
from pillarbox.formats.message.structure import Structure

_OF_LISTS = frozenset(
    {"precedence", "list-id", *(f"list-{n}" for n in ("help", "unsubscribe", "subscribe", "post", "owner", "archive"))}
) | {"list-unsubscribe-post"}


class ListHeading(msgspec.Struct, frozen=True):
    """A list: its id, what it is called, its address, that of its owners, and whether anybody may post."""

    list_id: str
    name: str
    address: str
    owner: str
    is_open: bool


def list_fields(heading: ListHeading) -> bytes:
    """The fields, with CRLF."""
    name = f"{' '.join(encode_phrase(heading.name, 9))} " if heading.name else ""
    # RFC 2369 §3.4: "NO" where members do not post. §3.2: a person answers, as long as there is no robot.
    post = Urls((f"mailto:{heading.address}",)) if heading.is_open else Text("NO")
    fields = (
        DraftField("List-Id", Raw(f" {name}<{heading.list_id}>")),
        DraftField("List-Post", post),
        DraftField("List-Owner", Urls((f"mailto:{heading.owner}",))),
        DraftField("List-Unsubscribe", Urls((f"mailto:{heading.owner}?subject=unsubscribe",))),
        DraftField("Precedence", Text("list")),
    )
    return b"".join(field_to_bytes(field) for field in fields)


def without_list_fields(data: bytes, structure: Structure) -> bytes:
    """The message without what another list has put on it: each field is there once (RFC 2369 §3)."""
    kept, position = [], 0
    for field in structure.root.fields:
        if field.name.lower() in _OF_LISTS:
            kept.append(data[position : field.start])
            # Past the line end, CRLF or LF, that `end` leaves out.
            end = data.find(b"\n", field.end) + 1
            position = end or len(data)
    return b"".join((*kept, data[position:]))


def delivered_to(address: str) -> bytes:
    """The field by which whoever sends mail on knows it again (RFC 9228 §4)."""
    return b"Delivered-To: " + address.encode("utf-8", "replace") + b"\r\n"
