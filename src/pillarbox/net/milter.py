"""Connections to filters that speak the milter protocol."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Generator
from typing import Any, TypeVar

import msgspec

from pillarbox.wire.milter.conversation import Conversation
from pillarbox.wire.milter.option import ALL_ACTIONS, Action
from pillarbox.wire.milter.packet import MilterError
from pillarbox.wire.reader import EndOfInput

T = TypeVar("T")
_PIECE = 65_536


class MilterAddress(msgspec.Struct, frozen=True):
    """Where a filter listens: HOST and PORT, or the path of a socket in the file system."""

    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.path else f"{self.host}:{self.port}"


class MilterUnavailable(Exception):
    """The filter cannot be asked, did not answer in time, or said what it may not say. The text is for the log."""


def parse_milter_address(text: str) -> MilterAddress:
    """The address that HOST:PORT, [IPV6]:PORT, inet:PORT@HOST or unix:/PATH stands for. Raises ValueError."""
    kind, _, rest = text.partition(":")
    if kind in ("unix", "local") and rest.startswith("/"):
        return MilterAddress(path=rest)
    if kind in ("inet", "inet6") and "@" in rest:
        port, _, host = rest.partition("@")
    else:
        host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ValueError(f"{text!r} is no address of a filter, such as 127.0.0.1:11332 or unix:/run/filter.sock")
    return MilterAddress(host, int(port))


class MilterConnection:
    """One connection, for the length of one SMTP session."""

    def __init__(self, conversation: Conversation, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Use `open_milter` to make one."""
        self.conversation = conversation
        self._reader, self._writer = reader, writer

    async def run(self, exchange: Generator[None, Any, T], seconds: float) -> T:
        """Go through an exchange. Raises MilterUnavailable; the connection is of no more use then."""
        try:
            async with asyncio.timeout(seconds):
                return await self._run(exchange)
        except (MilterError, OSError, EndOfInput, TimeoutError) as error:
            self.close()
            raise MilterUnavailable(_reason(error)) from None
        except BaseException:
            self.close()
            raise

    async def _run(self, exchange: Generator[None, Any, T]) -> T:
        while True:
            try:
                next(exchange)
            except StopIteration as end:
                await self.flush()
                result: T = end.value
                return result
            await self.flush()
            self.conversation.receive_data(await self._reader.read(_PIECE))

    async def flush(self) -> None:
        """Send what is to be sent."""
        if data := self.conversation.data_to_send():
            self._writer.write(data)
            await self._writer.drain()

    async def leave(self) -> None:
        """End the conversation in order."""
        with contextlib.suppress(OSError):
            self.conversation.quit()
            self._writer.write(self.conversation.data_to_send())
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._writer.close()


async def open_milter(
    address: MilterAddress, seconds: float, max_body: int, actions: Action = ALL_ACTIONS
) -> MilterConnection:
    """Connect, and agree upon options. Raises MilterUnavailable."""
    try:
        async with asyncio.timeout(seconds):
            if address.path:
                reader, writer = await asyncio.open_unix_connection(address.path)
            else:
                reader, writer = await asyncio.open_connection(address.host, address.port)
    except (OSError, TimeoutError) as error:
        raise MilterUnavailable(_reason(error)) from None
    out = MilterConnection(Conversation(max_body, actions), reader, writer)
    await out.run(out.conversation.negotiate(), seconds)
    return out


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, EndOfInput):
        return "the filter closed the connection"
    return str(error) or type(error).__name__
