"""One connection: uvicorn's protocol with bounds on what a client may send and how slowly (RFC 9112)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_MAX_HEAD = 65_536  # octets of request line and header fields
_HEAD_SECONDS = 30  # for a whole request, and one second more for each so many octets of it
_OCTETS_PER_SECOND = 4_096
_SWEEP_SECONDS = 5


class Connection(HttpToolsProtocol):
    """A connection that knows since when its client has owed it the rest of a request."""

    owed_since: float = 0.0
    received = 0

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self.owed_since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Take octets; those of a head that does not end are limited."""
        self.received += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Begin to wait for the rest of a request."""
        self.owed_since, self.received, self.head = self.loop.time(), 0, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a part of the request target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field."""
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self.owed_since = 0.0
        super().on_message_complete()

    def _count(self, octets: int) -> None:
        self.head += octets
        if self.head > _MAX_HEAD:
            raise ValueError("the request's head is too large")

    def is_late(self, now: float) -> bool:
        """Whether the client takes longer for its request than anybody needs."""
        return bool(self.owed_since) and now - self.owed_since > _HEAD_SECONDS + self.received / _OCTETS_PER_SECOND


async def close_idle(connections: Iterable[Any]) -> None:
    """Close the connections of late clients, for ever. One look at all of them costs less than a timer for each."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        now = loop.time()
        for connection in list(connections):
            if connection.is_late(now):
                connection.transport.abort()
