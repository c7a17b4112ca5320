"""The properties that a list of emails shows, computed once when a message is stored.

RFC 8621 §4.1.3 (convenience properties), §4.1.4 (hasAttachment, preview). Beside them, for IMAP, stand the names of
groups in address lists (RFC 5322 §3.4): it searches for them, and sorts by them.
"""

import msgspec

from pillarbox.formats.message import header
from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.message.preview import preview
from pillarbox.formats.message.selection import Bodies, has_attachment, select_bodies
from pillarbox.formats.message.structure import Field, Structure


class Listing(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The convenience properties of an Email; those of a field that is absent are None."""

    message_id: list[str] | None = None
    in_reply_to: list[str] | None = None
    references: list[str] | None = None
    sender: list[EmailAddress] | None = None
    from_: list[EmailAddress] | None = msgspec.field(default=None, name="from")
    to: list[EmailAddress] | None = None
    cc: list[EmailAddress] | None = None
    bcc: list[EmailAddress] | None = None
    reply_to: list[EmailAddress] | None = None
    subject: str | None = None
    sent_at: str | None = None
    has_attachment: bool = False
    preview: str = ""
    # By the name of the field: (how many addresses stand before it, name). Nearly no message has any.
    groups: dict[str, list[tuple[int, str]]] | msgspec.UnsetType = msgspec.UNSET


_ADDRESS_FIELDS = {"sender": "sender", "from": "from_", "to": "to", "cc": "cc", "bcc": "bcc", "reply-to": "reply_to"}
_ID_FIELDS = {"message-id": "message_id", "in-reply-to": "in_reply_to", "references": "references"}


def listing(data: bytes, structure: Structure, bodies: Bodies | None = None) -> Listing:
    """The listed properties of a message; of a field that stands twice the last counts (RFC 8621 §4.1.3)."""
    bodies = bodies or select_bodies(structure.root)
    last: dict[str, Field] = {field.name.lower(): field for field in structure.root.fields}
    found: dict[str, object] = {}
    groups: dict[str, list[tuple[int, str]]] = {}
    for name, attribute in _ADDRESS_FIELDS.items():
        if field := last.get(name):
            value = data[field.value : field.end]
            found[attribute] = header.as_addresses(value)
            if b":" in value and b";" in value and (named := _groups(value)):
                groups[name] = named
    if groups:
        found["groups"] = groups
    for name, attribute in _ID_FIELDS.items():
        if field := last.get(name):
            found[attribute] = header.as_message_ids(data[field.value : field.end])
    if field := last.get("subject"):
        found["subject"] = header.as_text(data[field.value : field.end])
    if field := last.get("date"):
        found["sent_at"] = header.as_date(data[field.value : field.end])
    return Listing(
        has_attachment=has_attachment(structure.root, data, bodies),
        preview=preview(data, structure, bodies=bodies),
        **found,  # type: ignore[arg-type] # the two tables above name the attributes
    )


def _groups(value: bytes) -> list[tuple[int, str]]:
    out: list[tuple[int, str]] = []
    before = 0
    for group in header.as_grouped_addresses(value):
        if group.name:
            out.append((before, group.name))
        before += len(group.addresses)
    return out
