"""The octets of some messages as FETCH asks for them (RFC 9051 §6.4.5)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.email.imap_part import imap_part
from pillarbox.datatypes.view import View
from pillarbox.formats.message.structure import Structure
from pillarbox.wire.imap.fetch_item import FetchItem, Section
from pillarbox.wire.imap.response import literal

_structure = msgspec.json.Decoder(Structure).decode


class MessageReading:
    """Reads messages of one account, each part of the store when it is needed first."""

    def __init__(self, view: View, account: str, ids: Sequence[str]) -> None:
        self._view, self._account = view, account
        self._blobs = {id: email.blob_id for id, email in view.get_with_deleted(EMAIL, account, ids).items()}
        self.has_failed = False  # a part could not be decoded

    def imap_part(self, id: str) -> bytes:
        """What is printed of a message at delivery, for one that came before that was done."""
        part = self._view.parts(EMAIL, self._account, [id], "structure")[id]
        return imap_part(self._octets(id), _structure(part))

    def section(self, id: str, item: FetchItem, *, is_utf8: bool) -> bytes:
        """An item of FETCH with its value. Raises Fault."""
        if not isinstance(item, Section) or item.part or item.what not in ("", "HEADER", "TEXT"):
            raise Fault(Kind.UNSUPPORTED_FILTER, "This section cannot be fetched yet")
        data = self._octets(id)
        head = data.find(b"\r\n\r\n") + 4
        data = data[:head] if item.what == "HEADER" else data[head:] if item.what == "TEXT" else data
        label = item.label or f"BODY[{item.what}]"
        if item.partial is not None:
            start, count = item.partial
            data, label = data[start : start + count], f"{label}<{start}>"
        return label.encode() + b" " + literal(data)

    def _octets(self, id: str) -> bytes:
        data = self._view.read_blob(self._account, self._blobs[id]) if id in self._blobs else None
        if data is None:
            raise Fault(Kind.UNAVAILABLE, "A message cannot be read")
        return data
