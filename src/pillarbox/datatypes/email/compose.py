"""A client's new Email becomes a message (RFC 8621 §4.6)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from pillarbox.core.clock import from_date
from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.datatypes.declare import MethodCall
from pillarbox.datatypes.email.compose_body import compose_body
from pillarbox.datatypes.email.compose_header import header_fields
from pillarbox.datatypes.email.reading import Reading, read_message
from pillarbox.datatypes.view import View
from pillarbox.formats.message.build import build_message, message_id
from pillarbox.formats.message.draft import Date, Draft, DraftField, MessageIds

_METADATA: Mapping[str, Any] = {"mailboxIds": dict[str, bool], "keywords": dict[str, bool], "receivedAt": str}
_BODY = ("bodyStructure", "bodyValues", "textBody", "htmlBody", "attachments")
_SERVER_SET = frozenset({"id", "blobId", "threadId", "size", "hasAttachment", "preview", "headers"})


class Composed(msgspec.Struct, frozen=True):
    """A message that is built and read, and where it shall go."""

    reading: Reading
    mailbox_ids: dict[str, bool]
    keywords: dict[str, bool]
    received_ms: int | None


def compose(view: View, call: MethodCall, given: Mapping[str, Any]) -> Composed:
    """Build the message of one create.

    Raises invalidProperties that names all that is wrong, blobNotFound, or tooLarge.
    """
    bad: dict[str, str] = {name: f"{name} is set by the server" for name in given if name in _SERVER_SET}
    metadata = _metadata(given, bad)
    rest = {
        name: value
        for name, value in given.items()
        if name not in _METADATA and name not in _BODY and name not in _SERVER_SET
    }
    fields = header_fields(rest, bad, in_part=False)
    body = compose_body(view, call, {name: given[name] for name in _BODY if given.get(name) is not None}, fields, bad)
    if bad:
        raise invalid(list(bad), "; ".join(bad.values()))
    assert body is not None
    data = build_message(Draft(_completed(fields, view, call), body), lambda: secrets.token_hex(12))
    if len(data) > view.limits.max_size_message:
        raise Fault(
            Kind.TOO_LARGE, f"the message has {len(data)} octets; at most {view.limits.max_size_message} are allowed"
        )
    return Composed(
        read_message(data),
        metadata["mailboxIds"],
        metadata.get("keywords") or {},
        from_date(metadata.get("receivedAt") or ""),
    )


def _metadata(given: Mapping[str, Any], bad: dict[str, str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, type_ in _METADATA.items():
        if given.get(name) is None:
            continue
        try:
            out[name] = msgspec.convert(given[name], type_)
        except msgspec.ValidationError as error:
            bad[name] = f"{name}: {error}"
    if not out.get("mailboxIds") and "mailboxIds" not in bad:
        bad["mailboxIds"] = "an email is in at least one mailbox"
    if "receivedAt" in out and from_date(out["receivedAt"]) is None:
        bad["receivedAt"] = "receivedAt is not a UTCDate"
    return out


def _completed(fields: list[DraftField], view: View, call: MethodCall) -> tuple[DraftField, ...]:
    # RFC 8621 §4.6: "If not included, the server MUST generate and set a Message-ID header field … and a Date header
    # field".
    names = {field.name.lower() for field in fields}
    more = []
    if "date" not in names:
        more.append(DraftField("Date", Date(datetime.fromtimestamp(view.now_ms // 1000, UTC))))
    if "message-id" not in names:
        domain = call.caller.username.rpartition("@")[2] or "localhost"
        more.append(DraftField("Message-ID", MessageIds((message_id(domain, lambda: secrets.token_hex(16)),))))
    return (*fields, *more)
