"""Reading any blob id: a stored blob, or a slice of one such as a body part (RFC 8620 §6, RFC 8621 §4.1.4)."""

from __future__ import annotations

from pillarbox.datatypes.view import View
from pillarbox.formats.message.blob_slice import parse_blob_id, read_slice


def read_any(view: View, account: str, blob_id: str) -> bytes | None:
    """The octets that the id names, None when the account has no such blob or the slice lies outside of it."""
    parsed = parse_blob_id(blob_id)
    if parsed is None:
        return None
    base, slices = parsed
    data = view.read_blob(account, base)
    return data if data is None or not slices else read_slice(data, slices)


def stored_size(view: View, account: str, blob_id: str) -> int | None:
    """How many octets have to be read to get what the id names; None when the account has no such blob."""
    parsed = parse_blob_id(blob_id)
    return None if parsed is None else view.blob_size(account, parsed[0])


def is_whole(blob_id: str) -> bool:
    """Whether the id names a stored blob as it is, not a slice of one."""
    parsed = parse_blob_id(blob_id)
    return parsed is not None and not parsed[1]
