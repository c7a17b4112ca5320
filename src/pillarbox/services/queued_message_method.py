"""QueuedMessage/get, /query and /set: the outbound queue for administrators.

There is no /changes: the queue changes too fast for its history to be of use, and is nowhere kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.declare import MethodCall
from pillarbox.datatypes.email_submission import RULES as SUBMISSION_RULES
from pillarbox.services import queue_admin
from pillarbox.services.methods.method import ACCOUNT_ID, Argument, Method, Result
from pillarbox.services.methods.window import ARGUMENTS as QUERY_ARGUMENTS
from pillarbox.services.methods.window import read_search, window
from pillarbox.services.queue_admin import Change, QueuedMessage, Search
from pillarbox.storage.database import Interrupted

_DEFAULT_LIMIT = 100
_NAMES = frozenset(field.encode_name for field in msgspec.structs.fields(QueuedMessage))


def get(view: Any, call: MethodCall) -> Result:
    """The messages with these ids."""
    arguments, ids = call.arguments, list(dict.fromkeys(call.arguments["ids"]))
    if len(ids) > view.limits.max_objects_in_get:
        raise Fault(Kind.REQUEST_TOO_LARGE, f"at most {view.limits.max_objects_in_get} messages in one call")
    names = set(arguments["properties"] or _NAMES) | {"id"}
    if unknown := sorted(names - _NAMES):
        raise Fault(Kind.INVALID_ARGUMENTS, f"a QueuedMessage has no {unknown[0]}", arguments=["properties"])
    found = {id: queue_admin.show(view, id) for id in ids}
    return {
        "accountId": call.account,
        "state": _state(view),
        "list": [_told(message, names) for message in found.values() if message is not None],
        "notFound": [id for id, message in found.items() if message is None],
    }


def query(view: Any, call: MethodCall) -> Result:
    """The ids of messages that are searched for, those due first at first."""
    search = read_search(call, Search)
    view.take_time()
    return window(call, _state(view), queue_admin.find(view, search), view.limits.max_objects_in_get, _DEFAULT_LIMIT)


def set_(tx: Any, call: MethodCall) -> Result:
    """Hold, let go, try now, send another way; destroy takes out of the queue."""
    arguments = call.arguments
    if arguments["create"]:
        raise Fault(Kind.INVALID_ARGUMENTS, "messages come into the queue by being sent", arguments=["create"])
    updates, destroys = arguments["update"] or {}, dict.fromkeys(arguments["destroy"] or ())
    if len(updates) + len(destroys) > tx.limits.max_objects_in_set:
        raise Fault(Kind.REQUEST_TOO_LARGE, f"at most {tx.limits.max_objects_in_set} messages in one call")
    not_updated: dict[str, Fault] = {}
    not_destroyed: dict[str, Fault] = {}
    for id, patch in updates.items():
        if (fault := _try(tx, partial(_update, tx, id, patch))) is not None:
            not_updated[id] = fault
    host, tells = SUBMISSION_RULES.host_name, arguments["notifySenders"]
    for id in destroys:
        if (fault := _try(tx, partial(queue_admin.drop, tx, id, host, tells_sender=tells))) is not None:
            not_destroyed[id] = fault
    return {
        "accountId": call.account,
        "oldState": _state(tx),
        "newState": _state(tx),
        "created": None,
        "updated": {id: None for id in updates if id not in not_updated} or None,
        "destroyed": [id for id in destroys if id not in not_destroyed] or None,
        "notCreated": None,
        "notUpdated": not_updated or None,
        "notDestroyed": not_destroyed or None,
    }


def _update(tx: Any, id: str, patch: Mapping[str, Any]) -> None:
    queue_admin.change(tx, id, _change(patch))


def _try(tx: Any, act: Callable[[], None]) -> Fault | None:
    """Do it in a savepoint; the fault if it was refused."""
    try:
        with tx.savepoint():
            act()
    except Interrupted:
        raise
    except Fault as fault:
        return fault
    return None


def _change(patch: Mapping[str, Any]) -> Change:
    """What a patch asks for: isHeld, dueAt (null is now, and nothing else), route (null is the usual one)."""
    if unknown := sorted(patch.keys() - {"isHeld", "dueAt", "route"}):
        raise invalid(unknown, f"{', '.join(unknown)}: only isHeld, dueAt and route can be changed")
    wrong = []
    if not isinstance(patch.get("isHeld", False), bool):
        wrong.append("isHeld")
    if patch.get("dueAt") is not None:
        wrong.append("dueAt")
    if not isinstance(patch.get("route"), str | None):
        wrong.append("route")
    if wrong:
        raise invalid(wrong, "isHeld is a boolean, dueAt null (which means now), route a name or null")
    route = (patch["route"] or "") if "route" in patch else None
    return Change(is_held=patch.get("isHeld"), is_due="dueAt" in patch, route=route)


def _told(message: QueuedMessage, names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in msgspec.to_builtins(message).items() if name in names}


def _state(view: Any) -> str:
    return str(view.now_ms)


METHODS: tuple[Method, ...] = (
    Method(
        "QueuedMessage/get",
        ADMIN,
        {**ACCOUNT_ID, "ids": Argument(list[str]), "properties": Argument(list[str] | None, None)},
        read=get,
        directory=True,
    ),
    Method(
        "QueuedMessage/query",
        ADMIN,
        QUERY_ARGUMENTS,
        read=query,
        directory=True,
    ),
    Method(
        "QueuedMessage/set",
        ADMIN,
        {
            **ACCOUNT_ID,
            "create": Argument(dict[str, dict[str, Any]] | None, None),
            "update": Argument(dict[str, dict[str, Any]] | None, None),
            "destroy": Argument(list[str] | None, None),
            "notifySenders": Argument(bool, False),  # noqa: FBT003
        },
        write=set_,
        changes_data=True,
        directory=True,
    ),
)
