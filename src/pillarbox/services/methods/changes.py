"""Foo/changes for every type (RFC 8620 §5.2), with updatedProperties where a type has counters.

RFC 8621 §2.2, RFC 9425 §4.4.
"""

from __future__ import annotations

from typing import Any

from pillarbox.datatypes.declare import DataType, MethodCall
from pillarbox.datatypes.view import View
from pillarbox.services.methods.method import ACCOUNT_ID, Argument, Result, positive

ARGUMENTS = {**ACCOUNT_ID, "sinceState": Argument(str), "maxChanges": Argument(int | None, None)}


def changes(kind: DataType[Any], view: View, call: MethodCall) -> Result:
    """What changed since a state."""
    limit = positive(call, "maxChanges") or view.limits.max_changes
    page = view.changes(kind, call.account, call.arguments["sinceState"], min(limit, view.limits.max_changes))
    result: Result = {
        "accountId": call.account,
        "oldState": call.arguments["sinceState"],
        "newState": page.new_state,
        "hasMoreChanges": page.has_more,
        "created": page.created,
        "updated": page.updated,
        "destroyed": page.destroyed,
    }
    if kind.counters:
        # RFC 8621 §2.2: null unless the server can say that nothing but these changed.
        result["updatedProperties"] = [p.name for p in kind.counters] if page.counters_only else None
    return result
