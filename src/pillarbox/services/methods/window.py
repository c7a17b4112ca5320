"""The window of a query's results, and queries of what keeps no states: no record's type, so no changes either.

Section: RFC 8620 §5.5.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, TypeVar

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.declare import MethodCall
from pillarbox.services.methods.method import ACCOUNT_ID, Argument, Result

FILTER_AND_SORT = {
    **ACCOUNT_ID,
    "filter": Argument(dict[str, Any] | None, None),
    "sort": Argument(list[dict[str, Any]] | None, None),
    "calculateTotal": Argument(bool, False),  # noqa: FBT003 -- an argument's default
}
ARGUMENTS = {
    **FILTER_AND_SORT,
    "position": Argument(int, 0),
    "anchor": Argument(str | None, None),
    "anchorOffset": Argument(int, 0),
    "limit": Argument(int | None, None),
}

_Search = TypeVar("_Search", bound=msgspec.Struct)


def limit_of(call: MethodCall, most: int, usual: int | None = None) -> int:
    """How many ids are told: what is asked for, or as many as is usual, but not more than `most`."""
    asked: int | None = call.arguments["limit"]
    if asked is not None and asked < 0:
        raise Fault(Kind.INVALID_ARGUMENTS, "limit must not be negative", arguments=["limit"])
    return min(asked if asked is not None else usual or most, most)


def told_limit(call: MethodCall, limit: int) -> Result:
    """The limit, for an answer, if it is not the one that was asked for."""
    return {} if call.arguments["limit"] == limit else {"limit": limit}


def start_of(call: MethodCall, ids: Sequence[str]) -> int:
    """Where the window begins among all results. Raises anchorNotFound."""
    position: int = call.arguments["position"]
    anchor: str | None = call.arguments["anchor"]
    if anchor is not None:
        anchor = call.created_ids.get(anchor[1:], anchor) if anchor.startswith("#") else anchor
        try:
            return max(0, ids.index(anchor) + int(call.arguments["anchorOffset"]))
        except ValueError:
            raise Fault(Kind.ANCHOR_NOT_FOUND, "the anchor is not among the results") from None
    # RFC 8620 §5.5: a negative position counts from the end, and is clamped to 0.
    return max(0, len(ids) + position) if position < 0 else position


def read_search(call: MethodCall, search: type[_Search]) -> _Search:
    """The filter as a search whose conditions all have to hold; nothing is sorted but as it always is.

    Raises unsupportedFilter, for operators too, and unsupportedSort.
    """
    if call.arguments["sort"]:
        raise Fault(Kind.UNSUPPORTED_SORT, "the order is always the same; leave `sort` out")
    try:
        return msgspec.convert(call.arguments["filter"] or {}, search)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Fault(Kind.UNSUPPORTED_FILTER, str(error)) from None


def window(call: MethodCall, state: str, found: Iterable[str], most: int, usual: int | None = None) -> Result:
    """The answer: one window of the ids that are found, which are looked through no further than is asked for."""
    limit = limit_of(call, most, usual)
    start: int = call.arguments["position"]
    if call.arguments["anchor"] is not None or start < 0:
        found = list(found)
        start = start_of(call, found)
    rest = iter(found)
    skipped = sum(1 for _ in islice(rest, min(start, sys.maxsize)))
    ids = list(islice(rest, limit))
    result: Result = {
        "accountId": call.account,
        "queryState": state,
        "canCalculateChanges": False,
        "position": skipped,
        "ids": ids,
        **told_limit(call, limit),
    }
    if call.arguments["calculateTotal"]:
        result["total"] = skipped + len(ids) + sum(1 for _ in rest)
    return result
