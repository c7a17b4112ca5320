"""What emails can be filtered and sorted by (RFC 8621 §4.4.1, §4.4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pillarbox.core.clock import from_date
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes import condition as c
from pillarbox.datatypes.declare import Filter, Sort


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
    return Filter(str, where=lambda value: c.Matches(columns, value))


def _keyword(value: str) -> c.HasWord:
    return c.HasWord("keywords", value.lower())


FILTERS: Mapping[str, Filter] = {
    "inMailbox": Filter(str, where=c.InContainer),
    "inMailboxOtherThan": Filter(list[str], where=lambda value: c.InOtherThan(tuple(value))),
    "before": Filter(str, where=lambda value: c.Compare("received_at", "<", _date(value))),
    "after": Filter(str, where=lambda value: c.Compare("received_at", ">=", _date(value))),
    "minSize": Filter(int, where=lambda value: c.Compare("size", ">=", value)),
    "maxSize": Filter(int, where=lambda value: c.Compare("size", "<", value)),
    "allInThreadHaveKeyword": Filter(
        str, where=lambda value: c.GroupHasWord("keywords", value.lower(), every=True), local=False
    ),
    "someInThreadHaveKeyword": Filter(
        str, where=lambda value: c.GroupHasWord("keywords", value.lower(), every=False), local=False
    ),
    "noneInThreadHaveKeyword": Filter(
        str, where=lambda value: c.Nothing((c.GroupHasWord("keywords", value.lower(), every=False),)), local=False
    ),
    "hasKeyword": Filter(str, where=_keyword),
    "notKeyword": Filter(str, where=lambda value: c.Nothing((_keyword(value),))),
    "hasAttachment": Filter(bool, where=lambda value: c.Compare("has_attachment", "=", int(value))),
    "text": _text(),
    "from": _text("sender"),
    "to": _text("recipient"),
    "cc": _text("cc"),
    "bcc": _text("bcc"),
    "subject": _text("subject"),
    "body": _text("body"),
    "header": Filter(list[str], where=_header),
}


def _by(column: str) -> Sort:
    return Sort(order=lambda comparator: c.Order(column, comparator.get("isAscending", True)))


def _by_keyword(group: Any = "") -> Sort:
    def order(comparator: Mapping[str, Any]) -> c.Order:
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
