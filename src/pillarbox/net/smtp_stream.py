"""The octets of a client's connection to an SMTP server: who is connected to, and what came and is not read yet.

RFC 5321 §4.5.3.2.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import cast

from pillarbox.wire.smtp_client.conversation import Dropped

_HELD = 1 << 18  # octets received ahead of what is read


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect: an address and a port, or the path of a unix socket; `source` is the address to come from."""

    address: str
    port: int
    source: str | None = None
    is_lmtp: bool = False
    connect_seconds: float = 30.0

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class SmtpStream(asyncio.Protocol):
    """Octets of a connection, with what came and was not read yet in bounded memory."""

    def __init__(self) -> None:
        self._came = bytearray()
        self._ended, self._error = False, cast("Exception | None", None)
        self._news = asyncio.Event()
        self._may_write = asyncio.Event()
        self._may_write.set()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._came += data
        if len(self._came) > _HELD and self.transport is not None:
            self.transport.pause_reading()
        self._news.set()

    def eof_received(self) -> bool:
        self._ended = True
        self._news.set()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended, self._error = True, exc
        self._news.set()
        self._may_write.set()

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    @property
    def is_empty(self) -> bool:
        """Whether all that came was read."""
        return not self._came

    @property
    def is_idle(self) -> bool:
        """Whether the server has neither said anything since, nor ended the connection."""
        return not self._came and not self._ended

    async def receive(self, seconds: float) -> bytes:
        """What has come, b"" at the end. Raises Dropped."""
        if not self._came and not self._ended:
            self._news.clear()
            await within(seconds, self._news.wait())
        if not self._came and self._error is not None:
            raise Dropped(f"the connection broke: {reason(self._error)}")
        data = bytes(self._came)
        self._came.clear()
        if data and self.transport is not None and not self.transport.is_closing():
            with contextlib.suppress(RuntimeError):  # it was not paused
                self.transport.resume_reading()
        return data

    async def send(self, data: bytes, seconds: float) -> None:
        """Hand octets over; waits for as long as the server does not take them. Raises Dropped."""
        if self.transport is None or self.transport.is_closing():
            raise Dropped("the server closed the connection")
        self.transport.write(data)
        if not self._may_write.is_set():
            await within(seconds, self._may_write.wait())


async def connect(endpoint: Endpoint) -> SmtpStream:
    """Connect. Raises Dropped when nobody answers."""
    loop = asyncio.get_running_loop()
    source = (endpoint.source, 0) if endpoint.source else None
    try:
        async with asyncio.timeout(endpoint.connect_seconds):
            if endpoint.address.startswith("/"):
                _, stream = await loop.create_unix_connection(SmtpStream, endpoint.address)
            else:
                _, stream = await loop.create_connection(SmtpStream, endpoint.address, endpoint.port, local_addr=source)
    except (OSError, UnicodeError) as error:
        raise Dropped(f"cannot connect to {endpoint}: {reason(error)}") from None
    return stream


async def within(seconds: float, waiting: Awaitable[object]) -> None:
    """Wait, but not for long. Raises Dropped."""
    try:
        async with asyncio.timeout(seconds):
            await waiting
    except TimeoutError:
        raise Dropped("the server did not answer in time") from None


def reason(error: Exception) -> str:
    """What went wrong, for a person."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
