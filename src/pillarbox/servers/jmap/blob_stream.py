"""Large blobs between the store and a client, in pieces: at no time is more than a piece or two in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from pillarbox.net.blob_pieces import BlobMissing, blob_pieces
from pillarbox.net.bridge import Bridge
from pillarbox.servers.http.problem import Problem
from pillarbox.servers.http.request import Request
from pillarbox.services.blob_access import Extent
from pillarbox.services.blob_upload import check_upload_size
from pillarbox.storage.blob_incoming import Incoming

Pieces = AsyncGenerator[bytes, None]


async def outgoing(bridge: Bridge, extent: Extent) -> Pieces:
    """The pieces of a blob; the first is read already, so that a blob that cannot be read is told as a problem."""
    pieces = blob_pieces(bridge, extent.blob, extent.start, extent.end)
    try:
        first = await anext(pieces, b"")
    except BlobMissing:
        raise Problem(404, "there is no such blob") from None
    return _chain(first, pieces)


async def _chain(first: bytes, rest: Pieces) -> Pieces:
    try:
        yield first
        async for piece in rest:
            yield piece
    finally:
        await rest.aclose()


async def incoming(bridge: Bridge, pieces: Pieces, inline: int) -> bytes | Incoming:
    """What a client sends: its octets when they are few, else something that has stored them. Close that at the end."""
    buffer = bytearray()
    large: Incoming | None = None
    try:
        async for piece in pieces:
            buffer += piece
            if len(buffer) > inline:
                large = large or Incoming(bridge.store.blobs)
                await bridge.carry(large.add, bytes(buffer))
                buffer.clear()
        if large is None:
            return bytes(buffer)
        await bridge.carry(large.add, bytes(buffer))
        check_upload_size(bridge.store.limits, large.size)
        await bridge.carry(large.store)
    except BaseException:
        if large is not None:
            await bridge.carry(large.close)
        raise
    return large


def is_short(request: Request, most: int) -> bool:
    """Whether the client says that its body has at most so many octets."""
    declared = request.headers.get(b"content-length", b"")
    return declared.isdigit() and int(declared) <= most
