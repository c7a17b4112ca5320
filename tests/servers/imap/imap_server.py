"""An IMAP listener on a real store with two accounts, and a client that speaks to it in plain words."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

import msgspec

from pillarbox.app.wiring import bridge_to
from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.account import ACCOUNT, Account
from pillarbox.datatypes.admin.domain import DOMAIN, Domain
from pillarbox.datatypes.admin.password import hash_password
from pillarbox.datatypes.view import Transaction
from pillarbox.net.accept import Secure
from pillarbox.net.bridge import Bridge
from pillarbox.net.count import Seat
from pillarbox.net.handshake import Handshakes
from pillarbox.net.recheck import Rechecks
from pillarbox.servers.imap.image import Images
from pillarbox.servers.imap.listener import ImapListener
from pillarbox.servers.imap.namespace import Names
from pillarbox.servers.imap.recent import Recents
from pillarbox.servers.imap.search_memory import SearchMemory
from pillarbox.servers.imap.session import Service
from pillarbox.servers.imap.settings import ImapSettings
from pillarbox.services.authentication import Authentication
from pillarbox.services.login import Logins
from pillarbox.services.mail.deliver import deliver
from pillarbox.services.provision import connect_rules
from pillarbox.storage.store import Store

PASSWORD = "a long enough secret"
_SECONDS = 10


@functools.cache
def _hashed() -> str:
    return hash_password(PASSWORD)


def fill(store: Store) -> None:
    """Domain example.org with alice, bob, who lets alice into his account, and carol, who lets alice read in hers.

    There are dave, who shares nothing, and root, who administers.
    """
    connect_rules()

    def body(tx: Transaction) -> None:
        tx.add_account(DIRECTORY)  # type: ignore[attr-defined]
        tx.write(DOMAIN, DIRECTORY, None, Domain(id="d1", name="example.org"))
        rights: dict[str, dict[str, Literal["read", "write"]]]
        rights = {"alice": {}, "bob": {"alice": "write"}, "carol": {"alice": "read"}, "dave": {}, "root": {}}
        for name, delegates in rights.items():
            account = Account(
                id=name,
                name=f"{name}@example.org",
                domain_id="d1",
                password_hash=_hashed(),
                delegates=delegates,
                is_admin=name == "root",
            )
            tx.write(ACCOUNT, DIRECTORY, None, account)

    store.write(body)


def change_account(tx: Transaction, id: str, **changes: object) -> None:
    """Change an account in the directory."""
    account = tx.get(ACCOUNT, DIRECTORY, id)
    assert account is not None
    tx.write(ACCOUNT, DIRECTORY, account, msgspec.structs.replace(account, **changes))


def message(number: int, **fields: str) -> bytes:
    """A short message; what is given stands in its header."""
    head = {
        "From": "Dave Miller <dave@sender.example>",
        "To": "alice@example.org",
        "Subject": f"Message {number}",
        "Message-ID": f"<{number}@sender.example>",
        "Date": f"Mon, 2 Nov 2026 10:{number:02d}:00 +0000",
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }
    lines = [f"{name}: {value}\r\n" for name, value in head.items()]
    return ("".join(lines) + f"\r\nThis is the text of number {number}.\r\n").encode()


def deliver_to(store: Store, account: str, *messages: bytes) -> None:
    """Have messages delivered, a minute after each other."""
    for number, data in enumerate(messages):
        received = 1_793_000_000_000 + number * 60_000
        store.write(functools.partial(deliver, account=account, data=data, received_ms=received))


class Client:
    """Says lines, hears lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._tags = 0

    async def hear(self) -> str:
        """One response with its literals, without the last line end; "" when the connection has ended."""
        out = b""
        while True:
            line = await asyncio.wait_for(self.reader.readline(), _SECONDS)
            out += line
            size = line[line.rfind(b"{") + 1 : -3] if line.endswith(b"}\r\n") else b""
            if not size.isdigit():
                return out.removesuffix(b"\r\n").decode()
            out += await asyncio.wait_for(self.reader.readexactly(int(size)), _SECONDS)

    async def rest(self) -> bytes:
        """All that the server says until it hangs up."""
        out = b""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while piece := await asyncio.wait_for(self.reader.read(65_536), _SECONDS):
                out += piece
        return out

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def hear_to(self, tag: str) -> list[str]:
        """All responses up to the tagged one, with that."""
        out = [await self.hear()]
        while out[-1] and not out[-1].startswith(f"{tag} "):
            out.append(await self.hear())
        return out

    async def say(self, command: str) -> list[str]:
        """The responses to a command, the tagged one last and without its tag."""
        self._tags += 1
        tag = f"t{self._tags}"
        self.send(f"{tag} {command}\r\n".encode())
        out = await self.hear_to(tag)
        out[-1] = out[-1].removeprefix(f"{tag} ")
        return out

    async def ok(self, command: str) -> list[str]:
        """The same, which has to end well; without the tagged response."""
        out = await self.say(command)
        assert out[-1].startswith("OK"), out
        return out[:-1]

    async def append(self, mailbox: str, octets: bytes, *, flags: str = "") -> str:
        """The tagged response to an APPEND."""
        self._tags += 1
        flags = f"({flags}) " if flags else ""
        self.send(f"t{self._tags} APPEND {mailbox} {flags}{{{len(octets)}+}}\r\n".encode() + octets + b"\r\n")
        return (await self.hear_to(f"t{self._tags}"))[-1].partition(" ")[2]


class Running:
    """A listener that runs."""

    def __init__(self, store: Store, bridge: Bridge, listener: ImapListener, sockets: Sequence[socket.socket]) -> None:
        self.store, self.bridge, self.listener = store, bridge, listener
        self.address, self.tls_address = (sock.getsockname()[:2] for sock in sockets)
        self.clients: list[Client] = []

    async def connect(
        self, user: str | None = "alice", *, mailbox: str | None = None, tls: ssl.SSLContext | None = None
    ) -> Client:
        """A client, logged in unless `user` is None, with a mailbox selected if one is named."""
        to = self.address if tls is None else self.tls_address
        name = None if tls is None else "localhost"
        client = Client(*await asyncio.open_connection(*to, limit=1 << 26, ssl=tls, server_hostname=name))
        self.clients.append(client)
        if user is not None:
            assert (await client.hear()).startswith("* OK")
            await client.ok(f'LOGIN {user}@example.org "{PASSWORD}"')
        if mailbox is not None:
            await client.ok(f"SELECT {mailbox}")
        return client

    async def close(self) -> None:
        await self.listener.stop()
        await self.bridge.close()
        for client in self.clients:
            client.writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await client.writer.wait_closed()


@contextlib.asynccontextmanager
async def running(
    store: Store, handshakes: Handshakes | None = None, counts: Seat | None = None, **changes: Any
) -> AsyncIterator[Running]:
    """A listener on a store that was filled; on a second address there is TLS, if there are `handshakes`."""
    settings = msgspec.structs.replace(ImapSettings(hostname="mx.example.org", stop_seconds=5), **changes)
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    bridge = bridge_to(store)
    authentication = Authentication(store.clock)
    store.listeners.append(authentication.changed)
    service = Service(
        bridge,
        Logins(authentication),
        settings,
        Names(store.shelves),
        Images(store.shelves),
        Rechecks(bridge, authentication),
        Recents(bridge),
        SearchMemory(store.shelves),
    )
    secure = Secure(sockets[1:], handshakes) if handshakes is not None else None
    listener = ImapListener(service, sockets[:1], secure=secure, handshakes=handshakes, counts=counts)
    server = Running(store, bridge, listener, sockets)
    await listener.start()
    try:
        yield server
    finally:
        await server.close()
        for sock in sockets:
            sock.close()
