"""What emails can be filtered and sorted by (RFC 8621 §4.4.1, §4.4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from pillarbox.core.clock import from_date
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes import condition as c
from pillarbox.datatypes.declare import Filter, Sort
from pillarbox.datatypes.email.keyword import is_keyword

Size = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]  # RFC 8620 §1.3, UnsignedInt


def _date(value: str) -> int:
    found = from_date(value)
    if found is None:
        raise Fault(Kind.INVALID_ARGUMENTS, f"{value!r} is not a UTCDate", arguments=["filter"])
    return found


def _header(value: list[str]) -> c.Condition:
    if not 1 <= len(value) <= 2 or not value[0]:
        raise Fault(Kind.INVALID_ARGUMENTS, "a header condition has a name and perhaps a text", arguments=["filter"])
    return c.HeaderIs(value[0], value[1] if len(value) > 1 and value[1] else None)


def _text(*columns: str) -> Filter:
    return Filter(str, where=lambda value: c.Matches(columns, value), fixed=True)


def _keyword(value: str) -> c.Condition:
    # What is no keyword is on no email; a space in it would find two that stand side by side.
    return c.HasWord("keywords", value.lower()) if is_keyword(value) else c.Some(())


def _in_thread(value: str, *, every: bool) -> c.Condition:
    return c.GroupHasWord("keywords", value.lower(), every=every) if is_keyword(value) else c.Some(())


FILTERS: Mapping[str, Filter] = {
    "inMailbox": Filter(str, where=c.InContainer, reference=True),
    "inMailboxOtherThan": Filter(
        list[str], where=lambda value: c.InOtherThan(tuple(dict.fromkeys(value))), reference=True
    ),
    "before": Filter(str, where=lambda value: c.Compare("received_at", "<", _date(value)), fixed=True),
    "after": Filter(str, where=lambda value: c.Compare("received_at", ">=", _date(value)), fixed=True),
    "minSize": Filter(Size, where=lambda value: c.Compare("size", ">=", value), fixed=True),
    "maxSize": Filter(Size, where=lambda value: c.Compare("size", "<", value), fixed=True),
    "allInThreadHaveKeyword": Filter(str, where=lambda value: _in_thread(value, every=True), local=False),
    "someInThreadHaveKeyword": Filter(str, where=lambda value: _in_thread(value, every=False), local=False),
    "noneInThreadHaveKeyword": Filter(
        str, where=lambda value: c.Nothing((_in_thread(value, every=False),)), local=False
    ),
    "hasKeyword": Filter(str, where=_keyword),
    "notKeyword": Filter(str, where=lambda value: c.Nothing((_keyword(value),))),
    "hasAttachment": Filter(bool, where=lambda value: c.Compare("has_attachment", "=", int(value)), fixed=True),
    "text": _text(),
    "from": _text("sender"),
    "to": _text("recipient"),
    "cc": _text("cc"),
    "bcc": _text("bcc"),
    "subject": _text("subject"),
    "body": _text("body"),
    "header": Filter(list[str], where=_header, fixed=True),
}


def _by(column: str) -> Sort:
    return Sort(order=lambda comparator: c.Order(column, comparator.get("isAscending", True)), fixed=True)


def _by_keyword(group: Any = "") -> Sort:
    def order(comparator: Mapping[str, Any]) -> c.Order:
        if not is_keyword(comparator["keyword"]):
            raise Fault(Kind.INVALID_ARGUMENTS, "a Comparator's keyword is not a keyword", arguments=["sort"])
        return c.Order("keywords", comparator.get("isAscending", True), comparator["keyword"].lower(), group)

    return Sort(order=order, extra=("keyword",), local=not group)


SORTS: Mapping[str, Sort] = {
    "receivedAt": _by("received_at"),
    "size": _by("size"),
    "from": _by("from_key"),
    "to": _by("to_key"),
    "subject": _by("subject_key"),
    "sentAt": _by("sent_at"),
    "hasKeyword": _by_keyword(),
    "allInThreadHaveKeyword": _by_keyword("all"),
    "someInThreadHaveKeyword": _by_keyword("some"),
}
