"""Properties that name a header field: header:{name}[:asForm][:all] (RFC 8621 §4.1.3)."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from pillarbox.formats.message import header
from pillarbox.formats.message.structure import Field

_PROPERTY = re.compile(r"header:([!-9;-~]+?)(:as[A-Za-z]+)?(:all)?\Z")
_READERS: Mapping[str, Callable[[bytes], Any]] = {
    header.RAW: header.as_raw,
    header.TEXT: header.as_text,
    header.ADDRESSES: header.as_addresses,
    header.GROUPED_ADDRESSES: header.as_grouped_addresses,
    header.MESSAGE_IDS: header.as_message_ids,
    header.DATE: header.as_date,
    header.URLS: header.as_urls,
}
# The form and the field of each convenience property (RFC 8621 §4.1.3).
CONVENIENCE: Mapping[str, tuple[str, str]] = {
    "messageId": ("Message-ID", header.MESSAGE_IDS),
    "inReplyTo": ("In-Reply-To", header.MESSAGE_IDS),
    "references": ("References", header.MESSAGE_IDS),
    "sender": ("Sender", header.ADDRESSES),
    "from": ("From", header.ADDRESSES),
    "to": ("To", header.ADDRESSES),
    "cc": ("Cc", header.ADDRESSES),
    "bcc": ("Bcc", header.ADDRESSES),
    "replyTo": ("Reply-To", header.ADDRESSES),
    "subject": ("Subject", header.TEXT),
    "sentAt": ("Date", header.DATE),
}


class HeaderProperty(msgspec.Struct, frozen=True):
    """A parsed property name."""

    name: str
    form: str
    all: bool


@functools.lru_cache(maxsize=1024)
def parse_property(text: str) -> HeaderProperty | None:
    """The property, or None when it is none, or asks for a form that the field may not have (RFC 8621 §4.1.2)."""
    if not (found := _PROPERTY.match(text)):
        return None
    form = found[2][1:] if found[2] else header.RAW
    if form not in _READERS or not header.form_allowed(found[1], form):
        return None
    return HeaderProperty(found[1], form, found[3] is not None)


def read_property(data: bytes, fields: Sequence[Field], prop: HeaderProperty) -> Any:
    """The value of a header property; null for the last of none, [] for all of none (RFC 8621 §4.1.3)."""
    read = _READERS[prop.form]
    if prop.all:
        return [read(value) for value in header.find(data, fields, prop.name, all=True)]
    value = header.find(data, fields, prop.name)
    return None if value is None else read(value)


def headers(data: bytes, fields: Sequence[Field]) -> list[dict[str, str]]:
    """All header fields in order, in raw form (RFC 8621 §4.1.3)."""
    return [{"name": field.name, "value": header.as_raw(data[field.value : field.end])} for field in fields]
