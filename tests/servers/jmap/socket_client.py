"""Clients of the WebSocket: a library's, and a hand that writes frames as it likes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from tests.servers.web_fixture import CORE, MAIL, Web, basic


class Client:
    """A library's connection, with JMAP's objects."""

    def __init__(self, connection: ClientConnection, listener: Any) -> None:
        self.connection, self.listener = connection, listener
        self.early: list[Any] = []  # what came while `settle` waited

    async def say(self, **given: Any) -> None:
        await self.connection.send(msgspec.json.encode({k.replace("at_", "@"): v for k, v in given.items()}), text=True)

    async def hear(self) -> Any:
        return msgspec.json.decode(await self.connection.recv())

    async def call(self, id: str, *calls: tuple[str, dict[str, Any]], **more: Any) -> None:
        numbered = [[name, arguments, str(at)] for at, (name, arguments) in enumerate(calls)]
        await self.say(at_type="Request", id=id, using=[CORE, MAIL], methodCalls=numbered, **more)

    async def enable(self, types: list[str] | None = None, **more: Any) -> None:
        """Ask for pushes, and come back when they are on."""
        await self.say(at_type="WebSocketPushEnable", dataTypes=types, **more)
        await self.settle()

    async def settle(self) -> None:
        """Come back when all that was said before has been heard: messages are taken in order."""
        await self.call("settle", ("Core/echo", {}))
        while (answer := await self.hear()).get("requestId") != "settle":
            self.early.append(answer)

    async def rest(self) -> list[Any]:
        """All that comes until the server closes."""
        found: list[Any] = []
        with contextlib.suppress(ConnectionClosed):
            while True:
                found.append(await self.hear())
        return found

    async def code(self) -> int | None:
        """The code with which the server closes."""
        await self.connection.wait_closed()
        return self.connection.close_code


@contextlib.asynccontextmanager
async def talking(web: Web, user: str | None = "alice", query: str = "", **more: Any) -> AsyncIterator[Client]:
    """A connection by a client library to the application on loopback."""
    headers = {**({"Authorization": basic(user)} if user else {}), **more.pop("headers", {})}
    origin = more.pop("origin", None)
    async with (
        web.listening() as (listener, port),
        connect(
            f"ws://127.0.0.1:{port}/jmap/ws{query}",
            subprotocols=[Subprotocol("jmap")],
            additional_headers=headers,
            origin=Origin(origin) if origin else None,
            proxy=None,
            **more,
        ) as connection,
    ):
        yield Client(connection, listener)


class Hand:
    """Writes octets, and reads what comes until the end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def frame(self) -> tuple[int, bytes]:
        """(first octet, payload) of the next frame."""
        first, short = await self.reader.readexactly(2)
        wide = {126: 2, 127: 8}.get(short, 0)
        length = int.from_bytes(await self.reader.readexactly(wide), "big") if wide else short
        return first, await self.reader.readexactly(length)

    async def close_code(self) -> int:
        """The code of the server's Close frame, after which it has to end the connection."""
        while True:
            first, payload = await self.frame()
            if first & 0x0F == 8:
                assert await self.reader.read() == b""
                return int.from_bytes(payload[:2], "big")


HANDSHAKE = {
    "Host": "mail.example.org",
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": "jmap",
    "Authorization": basic("alice"),
}


@contextlib.asynccontextmanager
async def by_hand(
    web: Web, first_line: str = "GET /jmap/ws HTTP/1.1", more: bytes = b"", **headers: str | None
) -> AsyncIterator[tuple[Hand, int, str]]:
    """A connection with a handshake of one's own: the hand, the status, and the head of the answer in lower case.

    A header that is None is left out; `more` follows the handshake in the same write.
    """
    named = {k.replace("_", "-").title(): v for k, v in headers.items()}
    given = {k.title(): v for k, v in HANDSHAKE.items()} | named
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value is not None)
    async with web.listening() as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(f"{first_line}\r\n{head}\r\n".encode() + more)
            answer = (await reader.readuntil(b"\r\n\r\n")).decode()
            yield Hand(reader, writer), int(answer.split()[1]), answer.lower()
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)
