"""PendingReport/get and /query: what is counted for reports that have not left yet, for administrators.

There is no /changes: counts change with every minute's mail, and their history is nowhere kept.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.declare import MethodCall
from pillarbox.services.methods.method import ACCOUNT_ID, Argument, Method, Result
from pillarbox.services.methods.window import ARGUMENTS as QUERY_ARGUMENTS
from pillarbox.services.methods.window import read_search, window
from pillarbox.services.reports import pending
from pillarbox.services.reports.pending import PENDING_KINDS, PendingReport, Search

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
    search = read_search(call, Search)
    if search.kind is not None and search.kind not in PENDING_KINDS:
        raise Fault(Kind.UNSUPPORTED_FILTER, f"a kind is one of {', '.join(PENDING_KINDS)}")
    view.take_time()
    ids = (one.id for one in pending.find(view, search))
    return window(call, str(view.now_ms), ids, view.limits.max_objects_in_get)


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
        QUERY_ARGUMENTS,
        read=query,
        directory=True,
    ),
)
