"""MDN/parse: receipts as objects (RFC 9007 §2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.capability import MDN
from pillarbox.datatypes.declare import MethodCall
from pillarbox.datatypes.view import View
from pillarbox.formats.report.mdn import parse_mdn
from pillarbox.services.blob_access import BlobReader
from pillarbox.services.methods.method import ACCOUNT_ID, Argument, Method, Result


def parse(view: View, call: MethodCall) -> Result:
    """The MDN in each blob.

    forEmailId stays null, which RFC 9007 §2.2 allows where the message cannot be found efficiently: its id alone may be
    that of several emails.
    """
    ids = list(dict.fromkeys(call.arguments["blobIds"]))
    if len(ids) > view.limits.max_objects_in_get:
        raise Fault(Kind.REQUEST_TOO_LARGE, f"at most {view.limits.max_objects_in_get} blobs can be parsed in one call")
    view.take_time()
    reader = BlobReader(view, call.account)
    parsed: dict[str, Any] = {}
    strange: list[str] = []
    missing: list[str] = []
    for id in ids:
        data = reader.read(id)
        mdn = parse_mdn(data) if data is not None else None
        if data is None:
            missing.append(id)
        elif mdn is None:
            strange.append(id)
        else:
            parsed[id] = msgspec.to_builtins(mdn)
    return {
        "accountId": call.account,
        "parsed": parsed or None,
        "notParsable": strange or None,
        "notFound": missing or None,
    }


_PARSE: Mapping[str, Argument] = {**ACCOUNT_ID, "blobIds": Argument(list[str])}
METHODS: tuple[Method, ...] = (Method("MDN/parse", MDN, _PARSE, read=parse),)
