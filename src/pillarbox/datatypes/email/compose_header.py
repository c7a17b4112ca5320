"""Header fields from a client's properties: the convenience properties and header:{name}:asForm.

RFC 8621 §4.1.3, §4.6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from pillarbox.datatypes.email.header_property import CONVENIENCE, parse_property
from pillarbox.formats.message import draft as d
from pillarbox.formats.message import header
from pillarbox.formats.message.address import EmailAddress


class _Address(msgspec.Struct):
    email: str
    name: str | None = None

    def draft(self) -> EmailAddress:
        return EmailAddress(self.name, self.email)


class _Group(msgspec.Struct):
    addresses: list[_Address]
    name: str | None = None

    def draft(self) -> d.DraftGroup:
        return d.DraftGroup(self.name, tuple(a.draft() for a in self.addresses))


_FORMS: Mapping[str, tuple[Any, Callable[[Any], d.Value]]] = {
    header.RAW: (str, d.Raw),
    header.TEXT: (str, d.Text),
    header.ADDRESSES: (list[_Address], lambda value: d.Addresses(tuple(a.draft() for a in value))),
    header.GROUPED_ADDRESSES: (list[_Group], lambda value: d.GroupedAddresses(tuple(g.draft() for g in value))),
    header.MESSAGE_IDS: (list[str], lambda value: d.MessageIds(tuple(value))),
    header.DATE: (str, lambda value: d.Date(_moment(value))),
    header.URLS: (list[str], lambda value: d.Urls(tuple(value))),
}


def _moment(text: str) -> datetime:
    if len(text) < 20 or text[10] not in "Tt":
        raise ValueError(f"{text!r} is not a Date")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment


def header_fields(given: Mapping[str, Any], bad: dict[str, str], *, in_part: bool) -> list[d.DraftField]:
    """The header fields that the properties name, in the order given.

    What is wrong with a property is noted in `bad`.
    """
    out: list[d.DraftField] = []
    owner: dict[str, str] = {}
    for prop, value in given.items():
        named = _field(prop, in_part=in_part)
        if isinstance(named, str):
            bad[prop] = named
            continue
        name, form, every = named
        # RFC 8621 §4.6: "There MUST NOT be two properties that represent the same header field".
        if name.lower() in owner:
            bad[prop] = f"{prop} and {owner[name.lower()]} are the same header field"
            continue
        owner[name.lower()] = prop
        if value is None:
            continue
        try:
            out += [d.DraftField(name, v) for v in _values(form, value, every=every)]
        except (msgspec.ValidationError, ValueError, OverflowError) as error:
            bad[prop] = f"{prop}: {error}"
    return out


def _field(prop: str, *, in_part: bool) -> tuple[str, str, bool] | str:
    """(name, form, all) of the header field that a property stands for, or what is wrong with it."""
    if not in_part and prop in CONVENIENCE:
        name, form = CONVENIENCE[prop]
        return name, form, False
    parsed = parse_property(prop)
    if parsed is None:
        return f"{prop} is not a property that can be set"
    lower = parsed.name.lower()
    if lower.startswith("content-") and not in_part:
        return "header fields that begin with Content- belong to a body part"
    if lower == "content-transfer-encoding":
        return "the server chooses the transfer encoding"
    return parsed.name, parsed.form, parsed.all


def _values(form: str, value: Any, *, every: bool) -> list[d.Value]:
    type_, make = _FORMS[form]
    values = msgspec.convert(value, list[type_]) if every else [msgspec.convert(value, type_)]  # type: ignore[valid-type]
    return [make(v) for v in values if v != [] or form == header.RAW]
