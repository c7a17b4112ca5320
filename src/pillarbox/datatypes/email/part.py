"""Body parts and body values as a client sees them (RFC 8621 §4.1.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.core.limits import Limits
from pillarbox.core.room import Room
from pillarbox.datatypes.email.header_property import HeaderProperty, headers, parse_property, read_property
from pillarbox.formats.message.blob_slice import part_blob_id
from pillarbox.formats.message.body import decode_text, truncate_value
from pillarbox.formats.message.selection import Bodies, select_bodies
from pillarbox.formats.message.structure import Part, Structure, iterate

PROPERTIES = frozenset({
    "partId", "blobId", "size", "headers", "name", "type", "charset", "disposition", "cid", "language", "location",
    "subParts",
})  # fmt: skip
# RFC 8621 §4.2: what bodyProperties is when it is not given.
DEFAULT_PROPERTIES = [
    "partId",
    "blobId",
    "size",
    "name",
    "type",
    "charset",
    "disposition",
    "cid",
    "language",
    "location",
]
_PLAIN = {
    "partId": "part_id", "size": "size", "name": "name", "type": "type", "charset": "charset",
    "disposition": "disposition", "cid": "cid", "language": "language", "location": "location",
}  # fmt: skip
BODY_NAMES = frozenset({"bodyStructure", "textBody", "htmlBody", "attachments", "bodyValues"})


@dataclass(slots=True)
class BodyRequest:
    """The arguments of Email/get and Email/parse that are about bodies, checked."""

    properties: list[str] = field(default_factory=lambda: DEFAULT_PROPERTIES)
    text_values: bool = False
    html_values: bool = False
    all_values: bool = False
    max_value_octets: int = 0
    room: Room = field(default_factory=Room)  # of the answer

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any], limits: Limits, room: Room) -> BodyRequest:
        """Check the arguments. Raises invalidArguments, and requestTooLarge for too many names."""
        names = arguments["bodyProperties"]
        if names is None:
            names = DEFAULT_PROPERTIES
        if len(names) > limits.max_properties_in_get:
            raise Fault(
                Kind.REQUEST_TOO_LARGE, f"at most {limits.max_properties_in_get} properties can be named in one call"
            )
        if unknown := [n for n in names if n not in PROPERTIES and parse_property(n) is None]:
            raise Fault(
                Kind.INVALID_ARGUMENTS, f"a body part has no property {unknown[0]}", arguments=["bodyProperties"]
            )
        if arguments["maxBodyValueBytes"] < 0:
            raise Fault(
                Kind.INVALID_ARGUMENTS, "maxBodyValueBytes must not be negative", arguments=["maxBodyValueBytes"]
            )
        return cls(
            names,
            arguments["fetchTextBodyValues"],
            arguments["fetchHTMLBodyValues"],
            arguments["fetchAllBodyValues"],
            arguments["maxBodyValueBytes"],
            room,
        )


class BodyView:
    """One message's parts, shown as a request asks for them."""

    def __init__(self, data: bytes, blob: str, structure: Structure, request: BodyRequest) -> None:
        self._data, self._blob, self._structure, self._request = data, blob, structure, request
        self._bodies: Bodies | None = None
        self._header_properties = {n: p for n in request.properties if (p := parse_property(n)) is not None}

    def value(self, name: str) -> Any:
        """The value of a property of BODY_NAMES."""
        if name == "bodyStructure":
            return self._tree()
        if name == "bodyValues":
            return self._values()
        bodies = self._select()
        parts = {"textBody": bodies.text_body, "htmlBody": bodies.html_body, "attachments": bodies.attachments}[name]
        return [self._show(part) for part in parts]

    def _select(self) -> Bodies:
        if self._bodies is None:
            self._bodies = select_bodies(self._structure.root)
        return self._bodies

    def _tree(self) -> dict[str, Any]:
        """The whole tree; children are shown before their parents so that no depth of nesting recurses."""
        shown: dict[int, dict[str, Any]] = {}
        for part in reversed(list(iterate(self._structure.root))):
            value = shown[id(part)] = self._show(part)
            if part.is_multipart:
                # RFC 8621 §4.1.4: subParts is there for every multipart, whatever bodyProperties says: it is the tree.
                value["subParts"] = [shown[id(child)] for child in part.sub_parts]
        return shown[id(self._structure.root)]

    def _show(self, part: Part) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for name in self._request.properties:
            if (attribute := _PLAIN.get(name)) is not None:
                out[name] = getattr(part, attribute)
            elif name == "blobId":
                out[name] = part_blob_id(self._blob, part)
            elif name == "headers":
                out[name] = self._request.room.told(headers(self._data, part.fields))
            elif name == "subParts":
                out[name] = None if not part.is_multipart else []
            else:
                prop: HeaderProperty = self._header_properties[name]
                out[name] = self._request.room.told(read_property(self._data, part.fields, prop))
        return out

    def _values(self) -> dict[str, Any]:
        request, wanted = self._request, []
        if request.all_values:
            wanted = [p for p in self._structure.parts() if not p.is_multipart]
        else:
            if request.text_values:
                wanted += self._select().text_body
            if request.html_values:
                wanted += self._select().html_body
        parts = {p.part_id: p for p in wanted if p.type.startswith("text/") and p.part_id is not None}
        return {part_id: self._body_value(part) for part_id, part in parts.items()}

    def _body_value(self, part: Part) -> msgspec.Raw:
        request = self._request
        limit = request.max_value_octets
        # A little more than the limit is decoded, so that what is cut is known to be cut.
        text = decode_text(self._data, part, limit * 4 + 16 if limit else None)
        value, truncated = text.value, False
        if limit:
            value, truncated = truncate_value(value, limit, is_html=part.type == "text/html")
            truncated = truncated or part.size > limit * 4 + 16
        return request.room.told(
            {"value": value, "isEncodingProblem": text.is_encoding_problem, "isTruncated": truncated}
        )
