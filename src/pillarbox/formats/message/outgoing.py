"""A stored message made ready to leave: no Bcc, but a Date and a Message-ID.

RFC 5322 §3.6, §3.6.3 (Bcc); RFC 6409 §8 (what a submission server adds); RFC 8621 §7.5.
"""

from __future__ import annotations

import re

from pillarbox.formats.message.header import find_field
from pillarbox.formats.message.scan import scan

# RFC 8621 §7.5: "The server MUST remove any Bcc header field present on the message during delivery." The fields are
# looked for in the octets: a scan's list of fields has a limit, and what is past it must not leave either.
_BCC = re.compile(rb"^(?:resent-)?bcc[ \t]*+:[^\n]*+(?:\n[ \t][^\n]*+)*+(?:\n|\Z)", re.IGNORECASE | re.MULTILINE)
_BCC_OF_CR = re.compile(rb"(?:\A|(?<=\r))(?:resent-)?bcc[ \t]*+:[^\r]*+(?:\r[ \t][^\r]*+)*+(?:\r|\Z)", re.IGNORECASE)


def outgoing(data: bytes, message_id: str, date: str) -> bytes:
    """The message without Bcc; the id (without brackets) and the date are put in where the message has none."""
    structure = scan(data)
    root = structure.root
    start, end = root.header_start, root.header_end
    header, body = data[start:end], data[end:]
    header = (_BCC if b"\n" in header else _BCC_OF_CR).sub(b"", header)
    added = b""
    if find_field(root.fields, "Date") is None:
        added += b"Date: " + date.encode("ascii") + b"\r\n"
    if find_field(root.fields, "Message-ID") is None:
        added += b"Message-ID: <" + message_id.encode("ascii") + b">\r\n"
    if body and root.body_start == end:
        # The header was ended by a line that is no field. Whatever comes after it is body for us, and must be for
        # everybody: a reader who passes over such a line would take a Bcc below it for a field.
        body = b"\r\n" + body
    return added + header + body


def with_return_path(data: bytes, reverse_path: str) -> bytes:
    """The message with the reverse-path on top, as final delivery leaves it (RFC 5321 §4.4)."""
    return b"Return-Path: <" + reverse_path.encode("utf-8", "replace") + b">\r\n" + data
