"""The message that a report is about: the header that came back with it, and the id by which it is known.

Sections: RFC 6522 §3; RFC 5322 §3.6.4; RFC 8098 §2.1, §3.2.5.
"""

from __future__ import annotations

import re

from pillarbox.formats.message.body import decode_beginning
from pillarbox.formats.message.header import as_message_ids
from pillarbox.formats.message.scan import scan
from pillarbox.formats.message.structure import Structure

MAX_HEADER = 65_536
_TYPES = ("message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers", "message/rfc822-headers")
_MAX_ID = 998  # octets: a longer one does not come back as it was
_MAX_SEARCH = 262_144
_BLANK = re.compile(rb"(?:\A|\n)\r?\n")
_RECEIPT = re.compile(rb"^disposition-notification-to[ \t]*+:", re.IGNORECASE | re.MULTILINE)
_ID = re.compile(rb"^message-id[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)", re.IGNORECASE | re.MULTILINE)


def original_header(structure: Structure, data: bytes) -> bytes:
    """The header of the message that was enclosed, with its blank line where there was one; at most 64 KiB."""
    for part in structure.leaves():
        if part.type in _TYPES:
            octets = decode_beginning(data, part, MAX_HEADER * 2)
            root = scan(octets).root
            return octets[: min(root.header_end or len(octets), MAX_HEADER)]
    return b""


def original_id(structure: Structure, data: bytes) -> str | None:
    """The id of the message that was enclosed, None where it cannot be known."""
    part = next((part for part in structure.leaves() if part.type in _TYPES), None)
    return None if part is None else id_in_header(decode_beginning(data, part, MAX_HEADER))


def id_in_header(message: bytes) -> str | None:
    """The Message-ID of a message or of a header alone, without angle brackets; of several fields the last.

    None for one that is none, or is too long to come back as it was. Cheap: nothing else of the header is read.
    """
    found = _ID.findall(message, 0, _header_end(message))
    return first_id(found[-1]) if found else None


def asks_receipt(message: bytes) -> bool:
    """Whether a message asks for receipts (RFC 8098 §2.1). Cheap as well."""
    return _RECEIPT.search(message, 0, _header_end(message)) is not None


def first_id(value: bytes) -> str | None:
    """The first message id in the value of a field."""
    ids = as_message_ids(value) if len(value) <= _MAX_ID else None
    return ids[0] if ids else None


def _header_end(message: bytes) -> int:
    blank = _BLANK.search(message, 0, _MAX_SEARCH)
    return blank.start() if blank else min(len(message), _MAX_SEARCH)
