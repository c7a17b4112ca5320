"""Reading any blob id: a stored blob, or the part of a message that the id names (RFC 8620 §6, RFC 8621 §4.1.4)."""

from __future__ import annotations

from pillarbox.datatypes.view import View
from pillarbox.formats.message.blob_slice import parse_blob_id, read_slice


def read_any(view: View, account: str, blob_id: str) -> bytes | None:
    """The octets, or None when the account has no such blob or the part lies outside of it."""
    parsed = parse_blob_id(blob_id)
    if parsed is None:
        return None
    base, slices = parsed
    data = view.read_blob(account, base)
    return read_slice(data, slices) if data is not None and slices else data
