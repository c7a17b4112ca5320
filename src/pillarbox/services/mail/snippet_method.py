"""SearchSnippet/get: where a search text stands in the subject and the body (RFC 8621 §5)."""

from __future__ import annotations

from typing import Any

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.capability import MAIL
from pillarbox.datatypes.condition import Condition, Every, Matches, Some
from pillarbox.datatypes.declare import MethodCall
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.view import View
from pillarbox.formats.message.index_text import index_text
from pillarbox.formats.message.structure import Structure
from pillarbox.services.mail.highlight import Highlighter
from pillarbox.services.methods.filter import check_filter, resolve_filter, to_condition
from pillarbox.services.methods.method import ACCOUNT_ID, Argument, Method, Result

_PREVIEW_OCTETS = 255
_BODY_CHARACTERS = 200_000
_INLINE_OCTETS = 400_000  # more than this is not read on the event loop
_structure = msgspec.json.Decoder(Structure)
_raw = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _texts(where: Condition, column: str) -> list[str]:
    """The search texts that may match in a column; what is searched not to be there is not shown."""
    if isinstance(where, Matches):
        return [where.text] if not where.columns or column in where.columns else []
    if isinstance(where, Every | Some):
        return [text for part in where.parts for text in _texts(part, column)]
    return []


def get(view: View, call: MethodCall) -> Result:
    """The snippets of the emails asked for."""
    given: list[str] = call.arguments["emailIds"]
    ids = list(dict.fromkeys(call.created_ids.get(id[1:], id) if id.startswith("#") else id for id in given))
    if len(ids) > view.limits.max_objects_in_get:
        raise Fault(
            Kind.REQUEST_TOO_LARGE, f"at most {view.limits.max_objects_in_get} snippets can be fetched in one call"
        )
    checked = check_filter(
        EMAIL, resolve_filter(EMAIL, call.arguments["filter"], call.created_ids), view.limits.max_filter_conditions
    )
    where = to_condition(checked) if checked is not None else Every(())
    in_subject, in_body = Highlighter(_texts(where, "subject")), Highlighter(_texts(where, "body"))
    emails = view.get_many(EMAIL, call.account, ids)
    if in_body and (len(ids) > 10 or sum(email.size for email in emails.values()) > _INLINE_OCTETS):
        view.take_time()
    listings = view.parts(EMAIL, call.account, list(emails), "listing") if in_subject else {}
    structures = view.parts(EMAIL, call.account, list(emails), "structure") if in_body else {}
    out: list[msgspec.Raw] = []
    for id in ids:
        if id not in emails:
            continue
        subject = msgspec.json.decode(_raw.decode(listings[id])["subject"]) if id in listings else None
        body = None
        if id in structures:
            data = view.read_blob(call.account, emails[id].blob_id) or b""
            body = index_text(data, _structure.decode(structures[id]), _BODY_CHARACTERS).body
        snippet = {
            "emailId": id,
            "subject": in_subject.mark(subject) if subject else None,
            "preview": in_body.excerpt(body, _PREVIEW_OCTETS) if body else None,
        }
        out.append(call.room.told(snippet))
    missing = [id for id in ids if id not in emails]
    return {"accountId": call.account, "list": out, "notFound": missing or None}


METHODS = (
    Method(
        "SearchSnippet/get",
        MAIL,
        {**ACCOUNT_ID, "filter": Argument(dict[str, Any] | None, None), "emailIds": Argument(list[str])},
        read=get,
    ),
)
