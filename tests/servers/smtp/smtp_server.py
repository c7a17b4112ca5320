"""Inbound SMTP and submission on a real store, put together as the house does it, and clients that speak to them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from pillarbox.app.config.settings import Settings
from pillarbox.app.listening import Listening
from pillarbox.app.outside import Outside
from pillarbox.app.place import Place
from pillarbox.app.smtp import inbound_listener, submission_listener
from pillarbox.app.wiring import bridge_to
from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import Clock
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.admin.alias import ALIAS, Alias
from pillarbox.datatypes.admin.domain import DOMAIN, Domain
from pillarbox.datatypes.view import Transaction
from pillarbox.net.bridge import Bridge
from pillarbox.net.dns.lazy import LazyResolver
from pillarbox.net.dns.settings import DnsSettings
from pillarbox.net.guarded_http import GuardedClient
from pillarbox.net.outbound_address import AddressPolicy
from pillarbox.net.tls import TlsContexts
from pillarbox.servers.smtp.listener import MailListener
from pillarbox.services.authentication import Authentication
from pillarbox.services.reports.counts import ReportCounts
from pillarbox.services.reports.failures import Failures
from pillarbox.services.reports.inbox import ReportInbox
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.store import Store
from tests.servers.imap.imap_server import PASSWORD, fill
from tests.servers.smtp.lmtp_server import Client as PlainClient

MESSAGE = (
    b"From: <dave@sender.example>\r\nSubject: Harbour\r\nMessage-ID: <1@sender.example>\r\n"
    b"Date: Mon, 2 Nov 2026 10:00:00 +0000\r\n\r\nHello.\r\n"
)
FROM_ALICE = MESSAGE.replace(b"dave@sender.example", b"alice@example.org")


def plain(name: str = "alice@example.org", password: str = PASSWORD) -> str:
    """The response of PLAIN."""
    return base64.b64encode(f"\0{name}\0{password}".encode()).decode()


class Client(PlainClient):
    """Says EHLO."""

    async def hello(self, name: str = "client.example") -> str:  # type: ignore[override]
        return await self.say(f"EHLO {name}")

    async def log_in(self, name: str = "alice@example.org", password: str = PASSWORD) -> str:
        return await self.say(f"AUTH PLAIN {plain(name, password)}")

    async def start_tls(self, context: ssl.SSLContext) -> None:
        await self.writer.start_tls(context, server_hostname="localhost")

    async def send(self, *recipients: str, sender: str = "alice@example.org", message: bytes = FROM_ALICE) -> str:
        """The answer to a message."""
        await self.envelope(*recipients, sender=sender)
        return (await self.data(message))[0]


def open_store(folder: Path, clock: Clock | None = None) -> EmbeddedStore:
    """Domain example.org with alice, bob, carol, dave and the administrator root; and catch.example, all alice's."""
    store = EmbeddedStore(folder, clock=clock)
    fill(store)

    def body(tx: Transaction) -> None:
        tx.write(DOMAIN, DIRECTORY, None, Domain(id="d2", name="catch.example", catch_all="alice"))
        for address, targets in (("both", ["alice", "bob"]), ("postmaster", ["carol"])):
            alias = Alias(id=f"l{address}", address=f"{address}@example.org", targets=targets, domain_id="d1")
            tx.write(ALIAS, DIRECTORY, None, alias)

    store.write(body)
    return store


def limit_quota(store: Store, account: str, octets: int) -> None:
    def body(tx: Transaction) -> None:
        old = tx.get(ACCOUNT, DIRECTORY, account)
        assert old is not None
        tx.write(ACCOUNT, DIRECTORY, old, msgspec.structs.replace(old, quota_octets=octets))

    store.write(body)


class Running:
    """Both listeners, running."""

    def __init__(
        self, store: Store, bridge: Bridge, listeners: tuple[MailListener, ...], ports: tuple[int, ...]
    ) -> None:
        self.store, self.bridge, self.listeners = store, bridge, listeners
        self.inbound, self.submission, self.submissions = ports
        self.clients: list[Client] = []

    async def connect(self, port: int | None = None, context: ssl.SSLContext | None = None) -> Client:
        """A client that has heard the banner; on inbound unless told otherwise."""
        options: dict[str, Any] = {"ssl": context, "server_hostname": "localhost"} if context else {}
        client = Client(*await asyncio.open_connection("127.0.0.1", port or self.inbound, **options))
        self.clients.append(client)
        return client

    async def greeted(self, port: int | None = None) -> Client:
        """A client that has said EHLO."""
        client = await self.connect(port)
        assert (await client.hear()).startswith("220 ")
        assert (await client.hello()).startswith("250")
        return client

    async def logged_in(self, name: str = "alice@example.org") -> Client:
        """A client that may submit."""
        client = await self.greeted(self.submission)
        assert (await client.log_in(name)).startswith("235 2.7.0")
        return client


@contextlib.asynccontextmanager
async def running(
    store: Store,
    settings: Settings,
    tls: TlsContexts | None = None,
    dns: DnsSettings | None = None,
    inbox: ReportInbox | None = None,
    report_counts: ReportCounts | None = None,
    failures: Failures | None = None,
) -> AsyncIterator[Running]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    inbound, submission, submissions = sockets
    listening = Listening(
        http=(),
        lmtp=(),
        smtp=(inbound,),
        submission=(submission,),
        submissions=(submissions,) if tls is not None else (),
    )
    bridge, place = bridge_to(store), Place()
    authentication = Authentication(store.clock)
    store.listeners.append(authentication.changed)
    counts = place.commons.counts.seat()
    resolver = LazyResolver(dns or DnsSettings())
    outside = Outside(GuardedClient(AddressPolicy(())), resolver, inbox, report_counts, failures)
    listeners = (
        inbound_listener(settings, bridge, listening, place, counts, tls, outside),
        submission_listener(settings, bridge, authentication, listening, place, counts, tls, outside),
    )
    ports = tuple(sock.getsockname()[1] for sock in sockets)
    server = Running(store, bridge, listeners, ports)
    for listener in listeners:
        await listener.start()
    if tls is None:
        submissions.close()
    try:
        yield server
    finally:
        for listener in listeners:
            await listener.stop()
        await resolver.close()
        await bridge.close()
        place.commons.mailboxes.close()
        for client in server.clients:
            client.writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await client.writer.wait_closed()


def settings_with(**changes: dict[str, Any]) -> Settings:
    """Settings for tests: nobody waits. `changes` by the name of the part."""
    settings = Settings(hostname="mx.example.org", stop_seconds=5)
    changes = {"smtp": {"tarpit_seconds": 0}, "submission": {"slow_seconds": 0}} | changes
    parts = {name: msgspec.structs.replace(getattr(settings, name), **change) for name, change in changes.items()}
    return msgspec.structs.replace(settings, **parts)


def serve(
    store: Store,
    body: Callable[[Running], Awaitable[None]],
    *,
    tls: TlsContexts | None = None,
    dns: DnsSettings | None = None,
    inbox: ReportInbox | None = None,
    report_counts: ReportCounts | None = None,
    failures: Failures | None = None,
    **changes: dict[str, Any],
) -> None:
    """Run a test against both listeners."""

    async def main() -> None:
        async with (
            asyncio.timeout(60),
            running(store, settings_with(**changes), tls, dns, inbox, report_counts, failures) as server,
        ):
            await body(server)

    asyncio.run(main())
