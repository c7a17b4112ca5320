"""A large blob in pieces, for whoever sends it on: at no time is more than a piece or two in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from pillarbox.net.bridge import Bridge


class BlobMissing(Exception):
    """A blob that was there a moment ago is not there as a whole: what was begun with it cannot be finished."""


async def blob_pieces(bridge: Bridge, blob: str, start: int, end: int) -> AsyncGenerator[bytes]:
    """The octets of a blob outside of the database, from `start` to before `end`. Raises BlobMissing."""
    blobs, at = bridge.store.blobs, start
    while at < end:
        until = min(at + blobs.piece_octets, end)
        piece = await bridge.carry(blobs.read_range, blob, at, until)
        if piece is None or len(piece) != until - at:
            raise BlobMissing(blob)
        yield piece
        at = until
