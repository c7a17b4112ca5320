"""A POP3 listener on a real store with a few accounts, and a client that speaks to it in plain words."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec

from pillarbox.app.wiring import bridge_to
from pillarbox.core.clock import Clock
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.mailbox import id_of_role
from pillarbox.datatypes.view import View
from pillarbox.net.accept import Secure
from pillarbox.net.bridge import Bridge
from pillarbox.net.count import Counts, Seat
from pillarbox.net.handshake import Handshakes
from pillarbox.net.recheck import Rechecks
from pillarbox.servers.pop3.listener import Pop3Listener
from pillarbox.servers.pop3.session import Service
from pillarbox.servers.pop3.settings import Pop3Settings
from pillarbox.services.authentication import Authentication
from pillarbox.services.login import Logins
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.store import Store
from tests.servers.imap.imap_server import PASSWORD, deliver_to, fill

__all__ = ["PASSWORD", "deliver_to"]

_SECONDS = 20


def open_store(folder: Path, clock: Clock | None = None) -> EmbeddedStore:
    store = EmbeddedStore(folder, clock=clock)
    fill(store)
    return store


def message(number: int, body: bytes | None = None) -> bytes:
    """A short message, or one with another body."""
    head = (
        f"From: Dave Miller <dave@sender.example>\r\nSubject: Message {number}\r\n"
        f"Message-ID: <{number}@sender.example>\r\n\r\n"
    )
    return head.encode() + (f"This is the text of number {number}.\r\n".encode() if body is None else body)


def inbox_ids(store: Store, account: str = "alice") -> list[str]:
    """The ids of what is in an inbox, in the order of uids."""

    def body(view: View) -> list[str]:
        inbox = id_of_role(view, account, "inbox")
        assert inbox is not None
        return [row.item for row in view.memberships(account, inbox) if not row.is_deleted]

    return store.read(body)


def keywords_of(store: Store, account: str = "alice") -> list[dict[str, bool]]:
    """The keywords of what is in an inbox."""
    emails = store.read(lambda view: view.get_many(EMAIL, account, inbox_ids(store, account)))
    return [email.keywords for email in emails.values()]


class Client:
    """Says lines, hears lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def hear(self) -> str:
        """One line without its end; "" when the connection has ended."""
        try:
            line = await asyncio.wait_for(self.reader.readline(), _SECONDS)
        except ConnectionError:
            return ""
        assert not line or line.endswith(b"\r\n")
        return line.removesuffix(b"\r\n").decode()

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def say(self, line: str) -> str:
        """The first line of the reply to a command."""
        self.send(line.encode() + b"\r\n")
        return await self.hear()

    async def ok(self, line: str) -> str:
        """The same, which has to be positive; without that word."""
        answer = await self.say(line)
        assert answer.startswith("+OK"), (line, answer)
        return answer[4:]

    async def lines(self, line: str) -> list[str]:
        """The lines after the first one of a reply that has several, dots unstuffed."""
        await self.ok(line)
        return (await self.content()).decode().splitlines()

    async def content(self) -> bytes:
        """What follows the first line, up to the dot."""
        data = await asyncio.wait_for(self.reader.readuntil(b"\r\n.\r\n"), _SECONDS) if await self._has_more() else b""
        return data.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.").removeprefix(b"." if data[:2] == b".." else b"")

    async def _has_more(self) -> bool:
        first = await asyncio.wait_for(self.reader.readexactly(3), _SECONDS)
        self.reader._buffer[:0] = first  # type: ignore[attr-defined]
        if first == b".\r\n":
            await self.reader.readexactly(3)
            return False
        return True

    async def log_in(self, user: str = "alice", password: str = PASSWORD) -> str:
        await self.ok(f"USER {user}@example.org")
        return await self.ok(f"PASS {password}")


class Running:
    """A listener that runs."""

    def __init__(self, store: Store, bridge: Bridge, listener: Pop3Listener, ports: tuple[int, ...]) -> None:
        self.store, self.bridge, self.listener = store, bridge, listener
        self.port, self.tls_port = ports
        self.clients: list[Client] = []

    async def connect(self, user: str | None = "alice", limit: int = 1 << 26) -> Client:
        """A client that was greeted, and has logged in unless `user` is None."""
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port, limit=limit))
        self.clients.append(client)
        assert await client.hear() == "+OK Pillarbox is ready"
        if user is not None:
            await client.log_in(user)
        return client

    async def close(self) -> None:
        await self.listener.stop()
        await self.bridge.close()
        for client in self.clients:
            client.writer.close()
            with contextlib.suppress(ConnectionError):
                await client.writer.wait_closed()


@contextlib.asynccontextmanager
async def running(
    store: Store, handshakes: Handshakes | None = None, counts: Seat | None = None, **changes: Any
) -> AsyncIterator[Running]:
    """A listener on a store that was filled; with `handshakes` on a port with TLS, too."""
    settings = msgspec.structs.replace(Pop3Settings(stop_seconds=5), **changes)
    plain, tls = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    bridge = bridge_to(store)
    authentication = Authentication(store.clock)
    store.listeners.append(authentication.changed)
    service = Service(
        bridge, Logins(authentication), settings, counts or Counts().seat(), Rechecks(bridge, authentication)
    )
    secure = Secure([tls], handshakes) if handshakes is not None else None
    listener = Pop3Listener(service, [plain], secure=secure, handshakes=handshakes)
    server = Running(store, bridge, listener, (plain.getsockname()[1], tls.getsockname()[1]))
    if secure is None:
        tls.close()
    await listener.start()
    try:
        yield server
    finally:
        await server.close()


def serve(store: Store, body: Callable[[Running], Any], handshakes: Handshakes | None = None, **changes: Any) -> None:
    """Run a test against a listener."""

    async def main() -> None:
        async with running(store, handshakes, **changes) as server:
            await body(server)

    asyncio.run(main())
