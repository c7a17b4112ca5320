"""The body of a new message from bodyStructure, or from textBody, htmlBody and attachments (RFC 8621 §4.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.declare import MethodCall
from pillarbox.datatypes.email.compose_header import header_fields
from pillarbox.datatypes.email.header_property import parse_property
from pillarbox.datatypes.view import View
from pillarbox.formats.message.assemble import assemble
from pillarbox.formats.message.blob_slice import parse_blob_id, read_slice
from pillarbox.formats.message.draft import DraftField, DraftPart

_MAX_DEPTH = 50
_MAX_PARTS = 1_000
_PLAIN: Mapping[str, Any] = {
    "type": str, "charset": str, "disposition": str, "name": str, "cid": str, "language": list[str], "location": str,
}  # fmt: skip
_OTHER = frozenset({"partId", "blobId", "size", "subParts"})


# What the properties of a part say in which header field.
_SAYS: Mapping[str, tuple[str, ...]] = {
    "content-type": ("type", "charset", "name"),
    "content-disposition": ("disposition", "name"),
    "content-id": ("cid",),
    "content-language": ("language",),
    "content-location": ("location",),
}


class _Value(msgspec.Struct, rename="camel"):
    """An EmailBodyValue as a client may give it."""

    value: str
    is_encoding_problem: bool = False
    is_truncated: bool = False


class _Body:
    """One body in the making: the values at hand, what is wrong so far, the blobs that are missing."""

    def __init__(self, view: View, call: MethodCall, bad: dict[str, str]) -> None:
        self.view, self.call, self.bad = view, call, bad
        self.values: dict[str, _Value] = {}
        self.missing: list[str] = []
        self.parts = 0
        self.attached = 0

    def read_values(self, given: Any) -> None:
        """Take bodyValues in. RFC 8621 §4.6: isEncodingProblem and isTruncated "MUST be either false or omitted"."""
        try:
            self.values = msgspec.convert(given, dict[str, _Value])
        except msgspec.ValidationError as error:
            self.bad["bodyValues"] = f"bodyValues: {error}"
            return
        if any(v.is_encoding_problem or v.is_truncated for v in self.values.values()):
            self.bad["bodyValues"] = "a body value that is truncated, or was not understood, cannot be sent"

    def part(self, where: str, given: Any, depth: int = 0) -> DraftPart:
        """One part and all below it. What is wrong is noted under `where`."""
        self.parts += 1
        if not isinstance(given, dict) or depth > _MAX_DEPTH or self.parts > _MAX_PARTS:
            self.bad[where] = f"{where}: not a body part, or too many of them, or too deep"
            return DraftPart(type="text/plain")
        fields: dict[str, Any] = {}
        for name, type_ in _PLAIN.items():
            if given.get(name) is not None:
                try:
                    fields[name] = msgspec.convert(given[name], type_)
                except msgspec.ValidationError as error:
                    self.bad[f"{where}/{name}"] = f"{where}/{name}: {error}"
        headers = self._headers(where, given)
        kind = fields.pop("type", None) or ("multipart/mixed" if "subParts" in given else "text/plain")
        if "language" in fields:
            fields["language"] = tuple(fields["language"])
        children = given.get("subParts")
        if kind.lower().startswith("multipart/") or children:
            sub_parts = tuple(self.part(f"{where}/subParts/{i}", c, depth + 1) for i, c in enumerate(_listed(children)))
            return DraftPart(type=kind, headers=headers, sub_parts=sub_parts, **fields)
        content = self._content(where, given, kind)
        return DraftPart(type=kind, headers=headers, content=content, **fields)

    def _headers(self, where: str, given: Mapping[str, Any]) -> tuple[DraftField, ...]:
        rest = {n: v for n, v in given.items() if n not in _PLAIN and n not in _OTHER}
        bad: dict[str, str] = {}
        headers = tuple(header_fields(rest, bad, in_part=True))
        for name in rest:
            # RFC 8621 §4.6: no "two properties that represent the same header field (e.g., header:from and from) within
            # … a particular EmailBodyPart", nor two that would say different things in one.
            field = parse_property(name)
            twice = (
                [n for n in _SAYS.get(field.name.lower(), ()) if given.get(n) is not None] if field is not None else []
            )
            if twice:
                bad[name] = f"{name} and {twice[0]} are the same header field"
        self.bad.update((f"{where}/{name}", text) for name, text in bad.items())
        return headers

    def _content(self, where: str, given: Mapping[str, Any], kind: str) -> str | bytes:
        part_id, blob = given.get("partId"), given.get("blobId")
        # RFC 8621 §4.6: "The client may specify a partId OR a blobId, but not both."
        if (part_id is None) == (blob is None):
            self.bad[where] = f"{where}: a part has either a partId or a blobId"
        elif part_id is not None:
            if given.get("charset") is not None or given.get("size") is not None:
                self.bad[where] = f"{where}: charset and size must not be given together with partId"
            if not isinstance(part_id, str) or part_id not in self.values:
                self.bad[where] = f"{where}: bodyValues has no {part_id!r}"
            elif not kind.lower().startswith("text/"):
                self.bad[where] = f"{where}: a part with a body value is text"
            else:
                return self.values[part_id].value
        else:
            return self._blob(where, blob)
        return ""

    def _blob(self, where: str, blob: Any) -> bytes:
        if not isinstance(blob, str):
            self.bad[where] = f"{where}: blobId is not an Id"
            return b""
        blob = self.call.created_ids.get(blob[1:], blob) if blob.startswith("#") else blob
        parsed = parse_blob_id(blob)
        data = self._stored(parsed[0]) if parsed is not None else None
        data = read_slice(data, parsed[1]) if parsed is not None and data is not None else None
        if data is None:
            self.missing.append(blob)
            return b""
        self.attached += len(data)
        if self.attached > self.view.limits.max_size_attachments_per_email:
            raise Fault(
                Kind.TOO_LARGE,
                f"attachments have at most {self.view.limits.max_size_attachments_per_email} octets in all",
            )
        return data

    def _stored(self, blob: str) -> bytes | None:
        """A whole blob; what all drafts of a call read of them is limited, however little of it they use."""
        self.call.octets_read += self.view.blob_size(self.call.account, blob) or 0
        if self.call.octets_read > self.view.limits.max_blob_octets_in_call:
            raise Fault(Kind.TOO_LARGE, "the attachments of this call are too large; create fewer emails at a time")
        if self.call.octets_read > self.view.limits.blob_inline_octets:
            self.view.take_time()
        return self.view.read_blob(self.call.account, blob)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def compose_body(
    view: View, call: MethodCall, given: Mapping[str, Any], fields: list[DraftField], bad: dict[str, str]
) -> DraftPart | None:
    """The body tree. What is wrong is noted in `bad`; raises blobNotFound when that is all, or tooLarge."""
    body = _Body(view, call, bad)
    body.read_values(given.get("bodyValues", {}))
    if "bodyStructure" in given:
        # RFC 8621 §4.6: "there MUST NOT be textBody, htmlBody, or attachments properties".
        bad.update(
            (n, f"{n} and bodyStructure exclude each other")
            for n in ("textBody", "htmlBody", "attachments")
            if n in given
        )
        root = body.part("bodyStructure", given["bodyStructure"])
        names = {field.name.lower() for field in fields}
        if twice := [f.name for f in root.headers if f.name.lower() in names]:
            bad["bodyStructure"] = f"{twice[0]} is defined on the Email already"
    else:
        text = _only(body, given, "textBody", "text/plain")
        html = _only(body, given, "htmlBody", "text/html")
        attachments = given.get("attachments", [])
        if not isinstance(attachments, list):
            bad["attachments"] = "attachments is a list of body parts"
        root = assemble(text, html, tuple(body.part(f"attachments/{i}", a) for i, a in enumerate(_listed(attachments))))
    if body.missing and not bad:
        raise Fault(
            Kind.BLOB_NOT_FOUND, "some attachments are not on the server", not_found=list(dict.fromkeys(body.missing))
        )
    return root


def _only(body: _Body, given: Mapping[str, Any], name: str, kind: str) -> DraftPart | None:
    """RFC 8621 §4.6: textBody and htmlBody "MUST contain exactly one body part", of type text/plain and text/html."""
    if name not in given:
        return None
    parts = given[name]
    if not isinstance(parts, list) or len(parts) != 1 or not isinstance(parts[0], dict):
        body.bad[name] = f"{name} has exactly one part"
        return None
    part = {"type": kind, **{n: v for n, v in parts[0].items() if not (n == "type" and v is None)}}
    if str(part["type"]).lower() != kind:
        body.bad[name] = f"{name} is {kind}"
        return None
    return body.part(name, part)
