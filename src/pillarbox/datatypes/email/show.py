"""What of an email is worked out when it is asked for: header fields and body parts (RFC 8621 §4.1.2, §4.1.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.declare import DataType
from pillarbox.datatypes.email.header_property import headers, parse_property, read_property
from pillarbox.datatypes.email.part import BODY_NAMES, BodyRequest, BodyView
from pillarbox.datatypes.email.record import Email
from pillarbox.datatypes.view import View
from pillarbox.formats.message.structure import Structure

_structure = msgspec.json.Decoder(Structure)
_INLINE_OCTETS = 400_000  # more than this is not decoded on the event loop


def show_stored(
    kind: DataType[Email],
    view: View,
    account: str,
    records: Mapping[str, Any],
    names: Sequence[str],
    request: BodyRequest,
) -> dict[str, dict[str, Any]]:
    """The computed properties of stored emails, from their messages and the structure stored at delivery."""
    parts = view.parts(kind, account, list(records), "structure")
    octets = 0
    out = {}
    for id, stored in records.items():
        octets += _plain(stored["size"])
        if octets > _INLINE_OCTETS:
            view.take_time()
        blob = _plain(stored["blobId"])
        data = view.read_blob(account, blob)
        if data is None:
            raise Fault(Kind.FAILED, f"the message of email {id} is missing from the store")
        out[id] = show(data, blob, _structure.decode(parts[id]), names, request)
    return out


def show(
    data: bytes, blob: str, structure: Structure, names: Sequence[str], request: BodyRequest
) -> dict[str, msgspec.Raw]:
    """The computed properties of one message, which take their room in the answer."""
    view = BodyView(data, blob, structure, request)
    fields = structure.root.fields
    room = request.room
    out: dict[str, msgspec.Raw] = {}
    for name in names:
        before = room.taken
        if name in BODY_NAMES:
            out[name] = room.told(view.value(name), before)
        elif name == "headers":
            out[name] = room.told(headers(data, fields))
        else:
            prop = parse_property(name)
            assert prop is not None
            out[name] = room.told(read_property(data, fields, prop))
    return out


def _plain(value: Any) -> Any:
    return msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value
