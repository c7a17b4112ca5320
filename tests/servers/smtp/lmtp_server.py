"""A listener on a real store, and a client that speaks to it in plain words."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec

from pillarbox.app.wiring import bridge_to
from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.account import ACCOUNT, Account
from pillarbox.datatypes.admin.alias import ALIAS, Alias
from pillarbox.datatypes.admin.domain import DOMAIN, Domain
from pillarbox.datatypes.email import EMAIL, Email
from pillarbox.datatypes.mailbox import MAILBOX
from pillarbox.datatypes.view import Transaction
from pillarbox.net.bridge import Bridge
from pillarbox.net.handshake import Handshakes
from pillarbox.servers.smtp.lmtp import LmtpListener
from pillarbox.servers.smtp.settings import LmtpSettings
from pillarbox.services.provision import connect_rules
from pillarbox.services.reports.inbox import ReportInbox
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.store import Store

ACCOUNTS = ("alice", "bob", "carol", "dora")
MESSAGE = b"From: <dave@sender.example>\r\nSubject: Harbour\r\nMessage-ID: <1@sender.example>\r\n\r\nHello.\r\n"


def fill(store: Store, **quotas: int) -> None:
    """Domain example.org with alice, bob, carol, the disabled dora, and some aliases."""
    connect_rules()

    def body(tx: Transaction) -> None:
        tx.add_account(DIRECTORY)  # type: ignore[attr-defined]
        domain = Domain(id="d1", name="example.org")
        tx.write(DOMAIN, DIRECTORY, None, domain)
        for name in ACCOUNTS:
            account = Account(
                id=name,
                name=f"{name}@example.org",
                domain_id="d1",
                is_enabled=name != "dora",
                quota_octets=quotas.get(name),
            )
            tx.write(ACCOUNT, DIRECTORY, None, account)
        for address, targets in (("both", ["alice", "bob"]), ("postmaster", ["carol"])):
            alias = Alias(id=f"l{address}", address=f"{address}@example.org", targets=targets, domain_id="d1")
            tx.write(ALIAS, DIRECTORY, None, alias)
        tx.write(DOMAIN, DIRECTORY, None, Domain(id="d2", name="catch.example", catch_all="carol"))

    store.write(body)


def mail_of(store: Store, account: str) -> list[tuple[Email, bytes]]:
    """All emails of an account with their octets, oldest first."""

    def body(view: Any) -> list[tuple[Email, bytes]]:
        emails = [view.get(EMAIL, account, id) for id in view.ids(EMAIL, account, 1000)]
        return [(email, view.read_blob(account, email.blob_id)) for email in emails]

    return store.read(body)


def delivered(store: Store, account: str) -> list[bytes]:
    """The octets of all emails of an account, oldest first."""
    return [data for _, data in mail_of(store, account)]


def inbox_total(store: Store, account: str) -> int:
    return next(box.total_emails for box in store.read(lambda v: v.all(MAILBOX, account)) if box.role == "inbox")


class Client:
    """Says lines, hears replies."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def hear(self) -> str:
        """One reply, its lines joined; "" when the connection has ended."""
        lines = []
        while line := (await asyncio.wait_for(self.reader.readline(), 10)).decode():
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                break
        return "\n".join(lines)

    async def say(self, line: str) -> str:
        self.writer.write(line.encode() + b"\r\n")
        return await self.hear()

    async def hello(self) -> None:
        assert (await self.hear()).startswith("220 ")
        assert (await self.say("LHLO client.example")).startswith("250")

    async def envelope(self, *recipients: str, sender: str = "dave@sender.example") -> None:
        assert (await self.say(f"MAIL FROM:<{sender}>")).startswith("250 2.1.0")
        for recipient in recipients:
            assert (await self.say(f"RCPT TO:<{recipient}>")).startswith("250 2.1.5")

    async def data(self, message: bytes, replies: int = 1) -> list[str]:
        assert (await self.say("DATA")).startswith("354")
        self.writer.write(message + b".\r\n")
        return [await self.hear() for _ in range(replies)]

    async def deliver(self, *recipients: str, message: bytes = MESSAGE) -> list[str]:
        await self.envelope(*recipients)
        return await self.data(message, len(recipients))


class Running:
    """A listener that runs."""

    def __init__(self, store: Store, bridge: Bridge, listener: LmtpListener, sock: socket.socket) -> None:
        self.store, self.bridge, self.listener = store, bridge, listener
        self.address = sock.getsockname()
        self.clients: list[Client] = []

    async def connect(self, *, greet: bool = True) -> Client:
        if isinstance(self.address, str):
            client = Client(*await asyncio.open_unix_connection(self.address))
        else:
            client = Client(*await asyncio.open_connection(*self.address[:2]))
        self.clients.append(client)
        if greet:
            await client.hello()
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
    store: Store,
    sock: socket.socket | None = None,
    handshakes: Handshakes | None = None,
    reports: ReportInbox | None = None,
    **changes: Any,
) -> AsyncIterator[Running]:
    settings = msgspec.structs.replace(LmtpSettings(hostname="mx.example.org", stop_seconds=5), **changes)
    if sock is None:
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
    bridge = bridge_to(store)
    listener = LmtpListener(bridge, [sock], settings, handshakes=handshakes, reports=reports)
    server = Running(store, bridge, listener, sock)
    await listener.start()
    try:
        yield server
    finally:
        await server.close()


def serve(store: Store, body: Callable[[Running], Any], sock: socket.socket | None = None, **changes: Any) -> None:
    """Run a test against a listener."""

    async def main() -> None:
        async with running(store, sock, **changes) as server:
            await body(server)

    asyncio.run(main())


def open_store(folder: Path, **quotas: int) -> Store:
    store = EmbeddedStore(folder)
    fill(store, **quotas)
    return store
