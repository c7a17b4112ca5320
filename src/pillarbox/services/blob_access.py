"""Reading any blob id: a stored blob, or a slice of one such as a body part (RFC 8620 §6, RFC 8621 §4.1.4)."""

from __future__ import annotations

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.view import View
from pillarbox.formats.message.blob_slice import parse_blob_id, read_slice


class BlobReader:
    """Reads what one method call names, up to a limit: ids are short, and what they name is not."""

    def __init__(self, view: View, account: str) -> None:
        self._view, self._account, self._read = view, account, 0

    def read(self, blob_id: str) -> bytes | None:
        """The octets as `read_any` gives them. Raises requestTooLarge when the call has read too many."""
        size = stored_size(self._view, self._account, blob_id)
        if size is None:
            return None
        self._read += size
        if self._read > self._view.limits.max_blob_octets_in_call:
            raise Fault(Kind.REQUEST_TOO_LARGE, "the blobs of this call are too large; name fewer at a time")
        if self._read > self._view.limits.blob_inline_octets:
            self._view.take_time()
        return read_any(self._view, self._account, blob_id)


def read_any(view: View, account: str, blob_id: str) -> bytes | None:
    """The octets that the id names, None when the account has no such blob or the slice lies outside of it."""
    parsed = parse_blob_id(blob_id)
    if parsed is None:
        return None
    base, slices = parsed
    if not slices:
        return view.read_blob(account, base)
    first = slices[0]
    data = view.read_blob_range(account, base, first.start, first.start + first.length)
    if data is None:
        return None
    return read_slice(data, (msgspec.structs.replace(first, start=0), *slices[1:]))


class Extent(msgspec.Struct, frozen=True):
    """Octets of a stored blob, from `start` to before `end`, that are what an id names, as they are."""

    blob: str
    start: int
    end: int


def extent(view: View, account: str, blob_id: str) -> Extent | None:
    """Where the octets are that the id names, if they are outside of the database and stored as they are named.

    None for what is in the database, for a slice that lies outside of its blob, and for one that has to be decoded.
    """
    parsed = parse_blob_id(blob_id)
    size = view.outside_size(account, parsed[0]) if parsed is not None else None
    if parsed is None or size is None:
        return None
    base, slices = parsed
    if not slices:
        return Extent(base, 0, size)
    start, end = slices[0].start, slices[0].start + slices[0].length
    return Extent(base, start, end) if slices[0].letter == "i" and end <= size else None


def stored_size(view: View, account: str, blob_id: str) -> int | None:
    """How many octets have to be read to get what the id names; None when the account has no such blob."""
    parsed = parse_blob_id(blob_id)
    return None if parsed is None else view.blob_size(account, parsed[0])


def is_whole(blob_id: str) -> bool:
    """Whether the id names a stored blob as it is, not a slice of one."""
    parsed = parse_blob_id(blob_id)
    return parsed is not None and not parsed[1]
