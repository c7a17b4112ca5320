"""Writes one header field from a value in any of JMAP's forms.

Sections: RFC 8621 §4.1.2; RFC 5322 §3.3, §3.4, §3.6.4; RFC 2369 §2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import assert_never

from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.message.draft import (
    Addresses,
    Date,
    DraftField,
    GroupedAddresses,
    MessageIds,
    Raw,
    Text,
    Urls,
    Value,
)
from pillarbox.formats.message.encode import clean_text, encode_phrase, encode_text, quote
from pillarbox.formats.message.fold import fold, fold_raw

# RFC 5322 §3.6.8: ftext
_NAME = re.compile(r"[!-9;-~]{1,76}\Z")
_PLAIN_LOCAL = re.compile(r'(?:[^\x00-\x20"(),:;<>@\[\\\]\x7f]+|"(?:[^"\\\r\n]|\\[^\r\n])*")\Z')
_NOT_IN_DOMAIN = re.compile(r'[\x00-\x20"(),:;<>@\[\\\]\x7f]+')
_LITERAL = re.compile(r"\[[0-9A-Za-z.:-]*\]\Z")
_NOT_IN_BRACKETS = re.compile(r"[\x00-\x20<>\x7f]+")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def field_to_bytes(field: DraftField) -> bytes:
    """The field, folded, with its CRLF. Raises ValueError if the name is none (RFC 5322 §3.6.8)."""
    if not _NAME.match(field.name):
        raise ValueError(f"no header field name: {field.name[:80]!r}")
    if isinstance(field.value, Raw):
        return fold_raw(field.name, field.value.value)
    return fold(field.name, _units(field.value, len(field.name) + 2))


def date_to_text(moment: datetime) -> str:
    """A date-time as RFC 5322 §3.3 spells it; a moment without a zone is UTC whose zone nobody knows, `-0000`."""
    zone = moment.strftime("%z")[:5] or "-0000"
    day = f"{_DAYS[moment.weekday()]}, {moment.day:02} {_MONTHS[moment.month - 1]} {moment.year:04}"
    return f"{day} {moment:%H:%M:%S} {zone}"


def address_to_units(address: EmailAddress, column: int = 0) -> list[str]:
    """A mailbox as units for folding: the name as a phrase, the addr-spec in angle brackets (RFC 5322 §3.4)."""
    spec = addr_spec(address.email)
    if not address.name:
        return [spec or "<>"]
    phrase = encode_phrase(address.name, column)
    # A short mailbox is kept on one line.
    if len(phrase) == 1 and len(phrase[0]) + len(spec) < 72:
        return [f"{phrase[0]} <{spec}>"]
    return [*phrase, f" <{spec}>"]


def addr_spec(email: str) -> str:
    """An address that cannot break out of its place: an odd local part is quoted, odd octets of a domain dropped."""
    email = clean_text(email).strip()
    local, at, domain = email.rpartition("@")
    if not at:
        local, domain = email, ""
    if local and not _PLAIN_LOCAL.match(local):
        local = quote(local)
    return f"{local}{at}{domain if _LITERAL.match(domain) else _NOT_IN_DOMAIN.sub('', domain)}"


def _units(value: Value, column: int) -> list[str]:
    match value:
        case Text(text):
            return encode_text(text, column)
        case Addresses(addresses):
            return _comma_list(addresses, column)
        case GroupedAddresses():
            return _groups(value, column)
        case MessageIds(ids):
            return list(_spaced(f"<{_NOT_IN_BRACKETS.sub('', identifier)}>" for identifier in ids))
        case Urls(urls):
            return _commas([[f"<{_url(url)}>"] for url in urls])
        case Date(moment):
            return [date_to_text(moment)]
        case Raw(raw):
            return [raw]
        case _:
            assert_never(value)


def _comma_list(addresses: Iterable[EmailAddress], column: int) -> list[str]:
    return _commas([address_to_units(address, 0 if number else column) for number, address in enumerate(addresses)])


def _commas(items: list[list[str]]) -> list[str]:
    units: list[str] = []
    for number, item in enumerate(items):
        if number:
            units[-1] += ","
            units.append(" " + item[0])
        else:
            units.append(item[0])
        units += item[1:]
    return units


def _groups(value: GroupedAddresses, column: int) -> list[str]:
    items: list[list[str]] = []
    for group in value.value:
        members = _comma_list(group.addresses, 0 if items else column)
        if group.name is None:
            items += [members] if members else []
            continue
        phrase = encode_phrase(group.name, 0 if items else column)
        phrase[-1] += ":"
        item = phrase + [" " + unit if not number else unit for number, unit in enumerate(members)]
        item[-1] += ";"
        items.append(item)
    return _commas(items)


def _spaced(words: Iterable[str]) -> Iterator[str]:
    for number, word in enumerate(words):
        yield " " + word if number else word


def _url(url: str) -> str:
    """RFC 2369 §2: "white space ... MUST be ignored"; what ASCII cannot say is percent-encoded."""
    return "".join(
        character if "!" <= character <= "~" and character not in "<>" else _percent(character)
        for character in clean_text(url)
        if character not in " \t"
    )


def _percent(character: str) -> str:
    return "".join(f"%{octet:02X}" for octet in character.encode())
