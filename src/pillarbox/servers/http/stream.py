"""Answers without an end: sent until the source ends, the client goes, or the server stops."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

from pillarbox.servers.http.request import Receive, Send
from pillarbox.servers.http.transfer import wait_for_end


class Streams:
    """All open streams of an application. Each is one task that writes and one that waits for the client to go."""

    def __init__(self) -> None:
        self._open: set[asyncio.Task[None]] = set()

    async def send(
        self, pieces: AsyncIterator[bytes], head: MutableMapping[str, Any], receive: Receive, send: Send
    ) -> None:
        """Send all pieces, and end the answer properly unless the client is gone."""
        writing = asyncio.ensure_future(_write(pieces, head, send))
        watching = asyncio.ensure_future(wait_for_end(receive))
        self._open.add(writing)
        try:
            await asyncio.wait((writing, watching), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._open.discard(writing)
            for task in (writing, watching):
                task.cancel()
            await asyncio.gather(writing, watching, return_exceptions=True)
            with contextlib.suppress(Exception):
                await send({"type": "http.response.body", "body": b""})
        if not writing.cancelled() and (error := writing.exception()) is not None:
            raise error

    async def close(self) -> None:
        """End all streams, and come back when they are ended."""
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _write(pieces: AsyncIterator[bytes], head: MutableMapping[str, Any], send: Send) -> None:
    is_begun = False
    try:
        async for piece in pieces:
            if not is_begun:
                # Only now: a client that sees the head of an event stream relies on being told what comes after.
                is_begun = True
                await send(head)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if not is_begun:
            await send(head)
    finally:
        closing = getattr(pieces, "aclose", None)
        if closing is not None:
            await closing()
