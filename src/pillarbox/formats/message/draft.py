"""A message that is to be written: header fields in the forms of JMAP, and a tree of body parts.

Sections: RFC 8621 §4.1.2, §4.1.4, §4.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from pillarbox.formats.message.address import EmailAddress


class DraftGroup(msgspec.Struct, frozen=True):
    """Mailboxes under a group's name, or without one (RFC 8621 §4.1.2.4)."""

    name: str | None
    addresses: Sequence[EmailAddress]


class Raw(msgspec.Struct, frozen=True):
    """The value as it shall stand after the colon (RFC 8621 §4.1.2.1)."""

    value: str


class Text(msgspec.Struct, frozen=True):
    """Unstructured text (RFC 8621 §4.1.2.2)."""

    value: str


class Addresses(msgspec.Struct, frozen=True):
    """An address-list; an `email` may be unfinished, as in a draft it may (RFC 8621 §4.1.2.3)."""

    value: Sequence[EmailAddress]


class GroupedAddresses(msgspec.Struct, frozen=True):
    """An address-list with groups (RFC 8621 §4.1.2.4)."""

    value: Sequence[DraftGroup]


class MessageIds(msgspec.Struct, frozen=True):
    """Message identifiers without angle brackets (RFC 8621 §4.1.2.5)."""

    value: Sequence[str]


class Date(msgspec.Struct, frozen=True):
    """A moment, with its time zone (RFC 8621 §4.1.2.6)."""

    value: datetime


class Urls(msgspec.Struct, frozen=True):
    """URLs without angle brackets (RFC 8621 §4.1.2.7)."""

    value: Sequence[str]


Value = Raw | Text | Addresses | GroupedAddresses | MessageIds | Date | Urls


class DraftField(msgspec.Struct, frozen=True):
    """A header field: its name as it shall be spelled, and its value in one of the forms."""

    name: str
    value: Value


class DraftPart(msgspec.Struct, frozen=True, kw_only=True):
    """A body part. A `str` is text that the builder encodes, with LF or CRLF; `bytes` are given back octet for octet.

    `parameters` go into Content-Type; `charset` is the label of `bytes`, text is always labelled utf-8.
    """

    type: str
    charset: str | None = None
    disposition: str | None = None
    name: str | None = None
    cid: str | None = None
    language: tuple[str, ...] | None = None
    location: str | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    headers: tuple[DraftField, ...] = ()
    content: str | bytes | None = None
    sub_parts: tuple[DraftPart, ...] = ()


class Draft(msgspec.Struct, frozen=True):
    """A message: its header fields in order, without those of MIME, and its body."""

    fields: tuple[DraftField, ...]
    body: DraftPart
