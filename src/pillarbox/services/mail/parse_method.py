"""Email/parse: a blob shown as an email without storing one (RFC 8621 §4.9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.capability import MAIL
from pillarbox.datatypes.declare import MethodCall
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.email.part import BodyRequest
from pillarbox.datatypes.email.record import DEFAULT_PROPERTIES, LISTING
from pillarbox.datatypes.email.rules import BODY_ARGUMENTS
from pillarbox.datatypes.email.show import show
from pillarbox.datatypes.view import View
from pillarbox.formats.message.listing import listing
from pillarbox.formats.message.scan import scan
from pillarbox.services.blob_access import BlobReader
from pillarbox.services.methods.method import ACCOUNT_ID, Argument, Method, Result, check_names

# RFC 8621 §4.9: these "will be null if requested"; a thread is not looked for either.
_NULL = frozenset({"id", "mailboxIds", "keywords", "receivedAt", "threadId"})
_DEFAULT = [name for name in DEFAULT_PROPERTIES if name not in _NULL and name not in ("blobId", "size")]
_INLINE_OCTETS = 400_000


def parse(view: View, call: MethodCall) -> Result:
    """Show each blob as an email."""
    blob_ids: list[str] = list(dict.fromkeys(call.arguments["blobIds"]))
    if len(blob_ids) > view.limits.max_objects_in_get:
        raise Fault(Kind.REQUEST_TOO_LARGE, f"at most {view.limits.max_objects_in_get} blobs can be parsed in one call")
    names = call.arguments["properties"]
    names = _DEFAULT if names is None else list(dict.fromkeys(names))
    if unknown := [n for n in names if not EMAIL.knows(n)]:
        raise Fault(Kind.INVALID_ARGUMENTS, f"Email has no property {unknown[0]}", arguments=["properties"])
    check_names(names, view.limits)
    request = BodyRequest.from_arguments(call.arguments, view.limits, call.room)
    parsed: dict[str, Any] = {}
    reader = BlobReader(view, call.account)
    not_parsable, not_found, octets = [], [], 0
    for given in blob_ids:
        blob = call.created_ids.get(given[1:], given) if given.startswith("#") else given
        data = reader.read(blob)
        if data is None:
            not_found.append(given)
            continue
        octets += len(data)
        if octets > _INLINE_OCTETS:
            view.take_time()
        before = call.room.taken
        email = _parse_one(data, blob, names, request)
        if email is None:
            not_parsable.append(given)
        else:
            parsed[blob] = call.room.told(email, before)
    return {
        "accountId": call.account,
        "parsed": parsed or None,
        "notParsable": not_parsable or None,
        "notFound": not_found or None,
    }


def _parse_one(data: bytes, blob: str, names: Sequence[str], request: BodyRequest) -> dict[str, Any] | None:
    structure = scan(data)
    if not structure.root.fields:
        return None
    listed = (
        msgspec.to_builtins(listing(data, structure))
        if any(n in LISTING or n == "hasAttachment" for n in names)
        else {}
    )
    shown = show(data, blob, structure, [n for n in names if n in EMAIL.computed or EMAIL.is_dynamic(n)], request)
    own = {"blobId": blob, "size": len(data), **dict.fromkeys(_NULL)}
    return {name: own[name] if name in own else shown[name] if name in shown else listed.get(name) for name in names}


METHODS = (
    Method(
        "Email/parse",
        MAIL,
        {
            **ACCOUNT_ID,
            "blobIds": Argument(list[str]),
            "properties": Argument(list[str] | None, None),
            **{name: Argument(*value) for name, value in BODY_ARGUMENTS.items()},
        },
        read=parse,
    ),
)
