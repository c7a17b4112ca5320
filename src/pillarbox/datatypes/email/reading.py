"""A message read once, at its arrival: everything that the store keeps of it (RFC 8621 §4.1, §3).

Pure and perhaps slow: it is done before the write lock is taken.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from pillarbox.core.clock import from_date
from pillarbox.datatypes.email.header_part import FIELDS, header_parts
from pillarbox.datatypes.email.imap_part import NAME, imap_part
from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.message.collation import sort_key
from pillarbox.formats.message.index_text import IndexText, index_text
from pillarbox.formats.message.listing import Listing, listing
from pillarbox.formats.message.scan import scan
from pillarbox.formats.message.selection import select_bodies
from pillarbox.formats.message.structure import Structure
from pillarbox.formats.message.subject import base_subject

_encode = msgspec.json.Encoder().encode
_MAX_KEYS = 50
_SORT_LENGTH = 64  # characters of a sort key that are kept


class Reading(msgspec.Struct, frozen=True):
    """What was read of a message."""

    data: bytes
    structure: Structure
    listing: Listing
    text: IndexText
    thread_keys: tuple[str, ...]
    parts: Mapping[str, bytes]  # the fixed parts, as they are stored
    columns: Mapping[str, str | int | None]  # the index columns that never change
    header_names: str  # the names of the header fields, between spaces


def _first(addresses: Iterable[EmailAddress] | None) -> str:
    # RFC 8621 §4.4.2: "either the name property or if null/empty, the email property of the first EmailAddress object"
    for address in addresses or ():
        return sort_key(address.name or address.email)[:_SORT_LENGTH]
    return ""


def read_message(data: bytes) -> Reading:
    """Read a message. Never raises: what is broken is read as well as it can be."""
    structure = scan(data)
    bodies = select_bodies(structure.root)
    seen = listing(data, structure, bodies)
    text = index_text(data, structure, listed=seen, bodies=bodies)
    parts = {
        "listing": _encode(seen),
        "structure": _encode(structure),
        NAME: imap_part(data, structure, seen),
        FIELDS: header_parts(data[: structure.root.body_start], structure.root.fields)[FIELDS],
    }
    subject = base_subject(seen.subject or "")
    names = " ".join(dict.fromkeys(field.name for field in structure.root.fields))
    return Reading(data, structure, seen, text, _thread_keys(seen, subject), parts, _columns(seen, subject), names)


def _columns(seen: Listing, subject: str) -> dict[str, str | int | None]:
    return {
        "sent_at": (from_date(seen.sent_at) or 0) if seen.sent_at else 0,
        "has_attachment": int(seen.has_attachment),
        "subject_key": sort_key(subject)[:_SORT_LENGTH],
        "from_key": _first(seen.from_),
        "to_key": _first(seen.to),
    }


def _thread_keys(seen: Listing, subject: str) -> tuple[str, ...]:
    """How a thread is found: a digest of each message id that the header names, together with the base subject.

    RFC 8621 §3: messages belong together when an identical message id appears in both in any of Message-Id, In-Reply-To
    and References, and their subjects are the same after stripping what mail programs add.
    """
    ids = dict.fromkeys([*(seen.message_id or ()), *(seen.in_reply_to or ()), *reversed(seen.references or ())])
    folded = "".join(subject.casefold().split())
    return tuple(_digest(id, folded) for id in list(ids)[:_MAX_KEYS])


def _digest(message_id: str, subject: str) -> str:
    return hashlib.blake2b(f"{message_id}\n{subject}".encode("utf-8", "surrogatepass"), digest_size=9).hexdigest()
