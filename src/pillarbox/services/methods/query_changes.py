"""Foo/queryChanges for every type (RFC 8620 §5.6).

Everything that changed is removed, and what of it matches now is added at its place: the RFC allows to name more than
is needed. That is right only when a record's own values decide; all else answers cannotCalculateChanges, so that caches
never corrupt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.declare import DataType, MethodCall
from pillarbox.datatypes.view import View
from pillarbox.services.methods.method import Argument, Result, positive
from pillarbox.services.methods.query import Query
from pillarbox.services.methods.window import FILTER_AND_SORT

ARGUMENTS = {
    **FILTER_AND_SORT,
    "sinceQueryState": Argument(str),
    "maxChanges": Argument(int | None, None),
    "upToId": Argument(str | None, None),
}


def query_changes(kind: DataType[Any], view: View, call: MethodCall) -> Result:
    """How the results of a query differ from those at an earlier state."""
    limit = positive(call, "maxChanges")
    work = Query(kind, view, call)
    if not work.local:
        raise Fault(Kind.CANNOT_CALCULATE_CHANGES, "this filter or sort depends on more than each record's own values")
    since = call.arguments["sinceQueryState"]
    page = view.changes(kind, call.account, since, view.limits.max_changes)
    if page.has_more:
        raise Fault(Kind.CANNOT_CALCULATE_CHANGES, "too much has changed; query again")
    touched = {*page.created, *page.updated, *page.destroyed}
    if work.collapse and touched:
        touched |= kind.rules.widen(view, call.account, since, [*page.created, *page.updated])
    ids: Sequence[str] = work.ids() if touched or call.arguments["calculateTotal"] else []
    last = len(ids)
    # RFC 8620 §5.6: "If the sort and filter are both only on immutable properties and an upToId is supplied and exists
    # in the results, any ids that were added but have a higher index than upToId SHOULD be omitted."
    if work.fixed and call.arguments["upToId"] in ids:
        last = ids.index(call.arguments["upToId"])
    added = [{"id": id, "index": index} for index, id in enumerate(ids[: last + 1]) if id in touched]
    removed = sorted(touched - set(page.created))
    if limit is not None and len(added) + len(removed) > limit:
        raise Fault(Kind.TOO_MANY_CHANGES, f"there are {len(added) + len(removed)} changes")
    result: Result = {
        "accountId": call.account,
        "oldQueryState": since,
        "newQueryState": work.state,
        "removed": removed,
        "added": added,
    }
    if call.arguments["calculateTotal"]:
        result["total"] = len(ids)
    return result
