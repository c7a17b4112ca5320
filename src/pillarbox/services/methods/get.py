"""Foo/get for every type: stored JSON is spliced into the answer, and the rules compute only what is not stored.

RFC 8620 §5.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.core.limits import Limits
from pillarbox.datatypes.declare import SINGLETON, DataType, MethodCall
from pillarbox.datatypes.mark import Mark
from pillarbox.datatypes.view import View
from pillarbox.services.methods.method import ACCOUNT_ID, Argument, Result, check_names
from pillarbox.services.methods.splice import AT_ONCE, cutter

_raw = msgspec.json.Decoder(dict[str, msgspec.Raw])
ARGUMENTS = {**ACCOUNT_ID, "ids": Argument(list[str] | None, None), "properties": Argument(list[str] | None, None)}


def get(kind: DataType[Any], view: View, call: MethodCall) -> Result:
    """The records asked for, or all of them."""
    ids: list[str] | None = call.arguments["ids"]
    limit = view.limits.max_objects_in_get
    if ids is None and kind.singleton:
        ids = [SINGLETON]
    elif ids is None:
        ids = view.ids(kind, call.account, limit + 1)
    # RFC 8620 §3.3: what was created earlier in the request may be named by its creation id.
    if call.created_ids:
        ids = [call.created_ids.get(id[1:], id) if id.startswith("#") else id for id in ids]
    ids = list(dict.fromkeys(ids))
    if len(ids) > limit:
        raise Fault(Kind.REQUEST_TOO_LARGE, f"at most {limit} objects can be fetched in one call")
    names = _names(kind, call.arguments["properties"], view.limits)
    kind.rules.accept(view, call)
    if not (kind.screened or kind.singleton) and not any(
        name in kind.computed_names or kind.is_dynamic(name) for name in names
    ):
        return _spliced(kind, view, call, ids, names)
    found = kind.rules.screen(call, _fetched(kind, view, call, ids, names))
    return {
        "accountId": call.account,
        "state": str(view.state(kind, call.account)),
        "list": [found[id] for id in ids if id in found],
        # Who asks for all must not learn the ids of what the rules keep from them.
        "notFound": [id for id in ids if id not in found] if call.arguments["ids"] is not None else [],
    }


def _spliced(kind: DataType[Any], view: View, call: MethodCall, ids: list[str], names: list[str]) -> Result:
    found = cutter(kind, tuple(names)).cut(view, call.account, ids, call.room)
    known = set(found.ids)
    return {
        "accountId": call.account,
        "state": str(view.state(kind, call.account)),
        "list": found,
        "notFound": [id for id in ids if id not in known],
    }


def _fetched(
    kind: DataType[Any], view: View, call: MethodCall, ids: Sequence[str], names: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """The records as far as the answer has room for them, of which few are read at a time."""
    room = call.room
    out: dict[str, dict[str, Any]] = {}
    for start in range(0, len(ids), AT_ONCE):
        before = room.taken
        some = fetch(kind, view, call, ids[start : start + AT_ONCE], names)
        room.told(list(some.values()), before)
        out.update(some)
    return out


def _names(kind: DataType[Any], asked: list[str] | None, limits: Limits) -> list[str]:
    if asked is None:
        return list(kind.visible)
    check_names(asked, limits)
    if any(name in kind.properties and kind.properties[name].is_marked(Mark.WRITE_ONLY) for name in asked):
        # RFC 8620 §7.2.1: "If one of them is explicitly requested, the method call MUST be rejected with a "forbidden"
        # error."
        raise Fault(Kind.FORBIDDEN, f"{kind.name} has properties that are set and never told")
    if unknown := [name for name in asked if not kind.knows(name)]:
        raise Fault(Kind.INVALID_ARGUMENTS, f"{kind.name} has no property {unknown[0]}", arguments=["properties"])
    # RFC 8620 §5.1: "The id property of the object is always returned, even if not explicitly requested."
    return list(dict.fromkeys(["id", *asked]))


def fetch(
    kind: DataType[Any], view: View, call: MethodCall, ids: Sequence[str], names: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """The named properties of the records that exist, by id."""
    computed = [n for n in names if n in kind.computed_names or (n not in kind.properties and n not in kind.part_of)]
    stored = [n for n in names if n in kind.properties and n not in kind.computed_names]
    parts: dict[str, list[str]] = {}
    for name in names:
        if part := kind.part_of.get(name):
            parts.setdefault(part, []).append(name)
    raw = _stored(kind, view, call.account, ids, parts)
    out = {}
    for id, values in raw.items():
        record = {n: values[n] for n in stored}
        for wanted in parts.values():
            record.update((n, values.get(n)) for n in wanted)
        out[id] = record
    if computed and raw:
        for id, more in kind.rules.compute(view, call, raw, computed).items():
            out[id].update(more)
    return out


def _stored(
    kind: DataType[Any], view: View, account: str, ids: Sequence[str], parts: Iterable[str]
) -> dict[str, dict[str, Any]]:
    wanted = list(parts)
    first = wanted[0] if wanted else None
    out: dict[str, dict[str, Any]] = {}
    decode = _raw.decode
    if kind.singleton and SINGLETON in ids:
        out[SINGLETON] = decode(msgspec.json.encode(kind.initial))
    for id, (body, more) in view.bodies(kind, account, ids, first).items():
        values: dict[str, Any] = decode(body)
        if more is not None:
            values.update(decode(more))
        out[id] = values
    for name in wanted[1:]:
        for id, body in view.parts(kind, account, list(out), name).items():
            out[id].update(decode(body))
    return out
