"""Bodies of a known length that are too large to be in memory: sent as they are read, while the client takes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, MutableMapping
from typing import Any

from pillarbox.servers.http.request import Receive, Send

_PIECE = 262_144  # octets that wait in the connection's buffer at a time


async def send_pieces(
    pieces: AsyncGenerator[bytes, None], head: MutableMapping[str, Any], receive: Receive, send: Send
) -> None:
    """Send all pieces. When the client goes, no more are asked for.

    What the source raises ends the answer before its length: the connection is closed, and the client knows.
    """
    await send(head)
    gone = asyncio.ensure_future(wait_for_end(receive))
    try:
        async for piece in pieces:
            view = memoryview(piece)
            for start in range(0, len(piece), _PIECE):
                if gone.done():
                    return
                body = bytes(view[start : start + _PIECE])
                await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()
        await pieces.aclose()


async def wait_for_end(receive: Receive) -> None:
    """Come back when the client has closed the connection, or the answer is complete."""
    while (await receive())["type"] != "http.disconnect":
        pass
