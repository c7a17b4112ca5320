"""PendingReport/get and /query: what is counted for reports that have not left yet, for administrators.

There is no /changes: counts change with every minute's mail, and their history is nowhere kept.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.declare import MethodCall
from pillarbox.services.methods.method import ACCOUNT_ID, Argument, Method, Result, positive
from pillarbox.services.reports import pending
from pillarbox.services.reports.outgoing import KINDS
from pillarbox.services.reports.pending import PendingReport, Search

_NAMES = frozenset(field.encode_name for field in msgspec.structs.fields(PendingReport))


def get(view: Any, call: MethodCall) -> Result:
    """The reports with these ids; `counts` only where the properties name it."""
    arguments, ids = call.arguments, list(dict.fromkeys(call.arguments["ids"]))
    if len(ids) > view.limits.max_objects_in_get:
        raise Fault(Kind.REQUEST_TOO_LARGE, f"at most {view.limits.max_objects_in_get} reports in one call")
    names = set(arguments["properties"] or _NAMES - {"counts"}) | {"id"}
    if unknown := sorted(names - _NAMES):
        raise Fault(Kind.INVALID_ARGUMENTS, f"a PendingReport has no {unknown[0]}", arguments=["properties"])
    view.take_time()
    found = pending.show(view, ids, with_counts="counts" in names)
    return {
        "accountId": call.account,
        "state": str(view.now_ms),
        "list": [
            {name: value for name, value in msgspec.to_builtins(found[id]).items() if name in names}
            for id in ids
            if id in found
        ],
        "notFound": [id for id in ids if id not in found],
    }


def query(view: Any, call: MethodCall) -> Result:
    """The ids of reports that are searched for, the oldest day first."""
    arguments = call.arguments
    try:
        search = msgspec.convert(arguments["filter"] or {}, Search)
    except msgspec.ValidationError as error:
        raise Fault(Kind.UNSUPPORTED_FILTER, str(error)) from None
    if search.kind is not None and search.kind not in KINDS:
        raise Fault(Kind.UNSUPPORTED_FILTER, f"a kind is one of {', '.join(KINDS)}")
    if arguments["position"] < 0:
        raise Fault(Kind.INVALID_ARGUMENTS, "position must not be negative", arguments=["position"])
    most = view.limits.max_objects_in_get
    limit = min(positive(call, "limit") or most, most)
    view.take_time()
    found = pending.find(view, search)
    result: Result = {
        "accountId": call.account,
        "queryState": str(view.now_ms),
        "canCalculateChanges": False,
        "position": arguments["position"],
        "limit": limit,
        "ids": [one.id for one in found[arguments["position"] :][:limit]],
    }
    if arguments["calculateTotal"]:
        result["total"] = len(found)
    return result


METHODS: tuple[Method, ...] = (
    Method(
        "PendingReport/get",
        ADMIN,
        {**ACCOUNT_ID, "ids": Argument(list[str]), "properties": Argument(list[str] | None, None)},
        read=get,
        directory=True,
    ),
    Method(
        "PendingReport/query",
        ADMIN,
        {
            **ACCOUNT_ID,
            "filter": Argument(dict[str, Any] | None, None),
            "position": Argument(int, 0),
            "limit": Argument(int | None, None),
            "calculateTotal": Argument(bool, False),  # noqa: FBT003 -- an argument's default
        },
        read=query,
        directory=True,
    ),
)
