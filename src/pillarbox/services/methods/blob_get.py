"""Blob/get: octets, sizes and digests of blobs in the answer itself (RFC 9404 §4.2)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.capability import BLOB
from pillarbox.datatypes.declare import MethodCall
from pillarbox.datatypes.view import View
from pillarbox.services.blob_access import BlobReader
from pillarbox.services.methods.blob import check_count
from pillarbox.services.methods.method import ACCOUNT_ID, Argument, Method, Result

# The names are those of the registry for HTTP digests (RFC 9404 §3.1).
DIGESTS: Mapping[str, Callable[[bytes], Any]] = {
    "sha": lambda data: hashlib.sha1(data, usedforsecurity=False),
    "sha-256": hashlib.sha256,
    "sha-512": hashlib.sha512,
}
_PROPERTIES = frozenset({"id", "size", "data", "data:asText", "data:asBase64", *(f"digest:{name}" for name in DIGESTS)})


def get_blobs(view: View, call: MethodCall) -> Result:
    """The properties asked for of each blob, about the range asked for."""
    arguments, ids = call.arguments, list(dict.fromkeys(call.arguments["ids"]))
    check_count(len(ids), view.limits.max_objects_in_get)
    names = list(dict.fromkeys(arguments["properties"] if arguments["properties"] is not None else ["data", "size"]))
    if unknown := [name for name in names if name not in _PROPERTIES]:
        raise Fault(Kind.INVALID_ARGUMENTS, f"a blob has no property {unknown[0]}", arguments=["properties"])
    for name in ("offset", "length"):
        if arguments[name] is not None and arguments[name] < 0:
            raise Fault(Kind.INVALID_ARGUMENTS, f"{name} must not be negative", arguments=[name])
    view.take_time()
    found = []
    missing = []
    reader = BlobReader(view, call.account)
    for id in ids:
        data = reader.read(id)
        if data is None:
            missing.append(id)
            continue
        start = arguments["offset"] or 0
        end = len(data) if arguments["length"] is None else start + arguments["length"]
        if any(name.startswith("data") for name in names):
            call.room.need(min(end, len(data)) - start)
        found.append(call.room.told(_show(id, data, names, start, end)))
    return {"accountId": call.account, "list": found, "notFound": missing}


def _show(id: str, data: bytes, names: list[str], offset: int, end: int) -> dict[str, Any]:
    chosen = data[offset:end]
    out: dict[str, Any] = {"id": id}
    # RFC 9404 §4.2: isTruncated is true "if the offset and length go beyond the end of the blob".
    is_truncated = offset > len(data) or end > len(data)
    for name in names:
        if name == "size":
            out["size"] = len(data)  # of the blob, whatever the range
        elif name.startswith("digest:"):
            out[name] = base64.b64encode(DIGESTS[name.partition(":")[2]](chosen).digest()).decode("ascii")
        elif name.startswith("data"):
            out.update(_data(name, chosen))
            if is_truncated:
                out["isTruncated"] = True
    return out


def _data(name: str, chosen: bytes) -> dict[str, Any]:
    """The octets as text, as base64, or (`data`) as text when they are UTF-8 and as base64 when not."""
    if name == "data:asBase64":
        return {name: base64.b64encode(chosen).decode("ascii")}
    try:
        return {"data:asText": chosen.decode("utf-8")}
    except UnicodeDecodeError:
        if name == "data:asText":
            return {name: None, "isEncodingProblem": True}
        return {"data:asBase64": base64.b64encode(chosen).decode("ascii"), "isEncodingProblem": True}


_ARGUMENTS: Mapping[str, Argument] = {
    **ACCOUNT_ID,
    "ids": Argument(list[str]),
    "properties": Argument(list[str] | None, None),
    "offset": Argument(int | None, None),
    "length": Argument(int | None, None),
}
METHODS: tuple[Method, ...] = (Method("Blob/get", BLOB, _ARGUMENTS, read=get_blobs),)
