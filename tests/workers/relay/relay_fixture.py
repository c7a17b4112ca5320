"""A post office whose mail leaves: accounts, a queue, a worker that is run by hand, and a DNS that is a table."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, cast

import msgspec
import pytest

from pillarbox.app.wiring import bridge_to
from pillarbox.core.dns import Answer, Lookup, Mx, Question
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.envelope import Address
from pillarbox.datatypes.mailbox import id_of_role
from pillarbox.net.bridge import Bridge
from pillarbox.net.outbound_address import AddressPolicy
from pillarbox.net.outbound_tls import OutboundTls
from pillarbox.services.queue import Outgoing, enqueue
from pillarbox.services.relay import Schedule
from pillarbox.services.route import ROUTING, Routes
from pillarbox.services.submission import Sender
from pillarbox.workers.relay.attempt import Attempts
from pillarbox.workers.relay.connect import Connector
from pillarbox.workers.relay.settings import RelaySettings
from pillarbox.workers.relay.tally import Tally
from pillarbox.workers.relay.worker import RelayWorker
from pillarbox.workers.transport import Transports
from tests.directory_fixture import Office
from tests.support.dns_table import Table

DATA = b"From: alice@example.org\r\nTo: bob@two.test\r\nSubject: Hello\r\nMessage-ID: <m1@example.org>\r\n\r\n.x\r\n"
ALICE = "alice@example.org"
LOOPBACK = AddressPolicy(["127.0.0.0/8"])


class TableResolver:
    """A resolver that knows a table."""

    def __init__(self, table: Table) -> None:
        self.table = table

    async def ask(self, question: Question) -> Answer:
        return self.table(question)

    async def run(self, lookup: Lookup[Any], seconds: float | None = None) -> Any:
        return self.table.run(lookup)


def attempts_on(bridge: Bridge, settings: RelaySettings) -> Attempts:
    """Attempts over a store, with a DNS that knows two.test and three.test."""
    names = ("two.test", "three.test")
    resolver = TableResolver(Table({f"{name} A": ["127.0.0.1"] for name in names}))
    connector = Connector(settings, OutboundTls(), Tally())
    return Attempts(bridge, settings, connector, Transports(resolver, None, ("mx.example.org",)), resolver)


class Depot:
    """Where mail leaves."""

    def __init__(self, office: Office) -> None:
        self.office, self.store, self.clock = office, office.store, office.clock
        Sender("mx.example.org").connect_rules()
        given: dict[str, Any] = {"name": ALICE, "password": "correct horse", "description": "Alice"}
        self.alice = str(office.create("Account", **given)["id"])
        self.table = Table({"two.test MX": [Mx(10, "mx.two.test")], "mx.two.test A": ["127.0.0.1"]})
        self.tally = Tally()
        self.options: dict[str, Any] = {
            "schedule": Schedule(retry_minutes=(5, 30)),
            "idle_seconds": 5.0,
            "allowed": LOOPBACK,
        }
        self.sign: Any = None
        self.contexts = OutboundTls()

    def put(self, *recipients: str | Address, data: bytes = DATA, **more: Any) -> None:
        """Queue a message of Alice's."""
        to = [Address(one) if isinstance(one, str) else one for one in recipients]
        more = {"mail_from": Address(ALICE), **more}
        out = Outgoing(account=self.alice, data=data, recipients=to, **more)
        self.store.write(lambda tx: enqueue(tx, out))

    def run(self, body: Callable[["Depot"], Awaitable[None]]) -> None:
        """Run a test's body on an event loop."""

        async def main() -> None:
            async with asyncio.timeout(30):
                await body(self)

        asyncio.run(main())

    async def send(self, port: int, **more: Any) -> None:
        """Send all that is due now, and leave."""
        options = {**self.options, "port": port, **more}
        settings = RelaySettings("mx.example.org", **options)
        ROUTING.routes = settings.routes
        bridge, resolver = bridge_to(self.store), TableResolver(self.table)
        connector = Connector(settings, self.contexts, self.tally)
        transports = Transports(resolver, None, ("mx.example.org",))
        attempts = Attempts(bridge, settings, connector, transports, resolver, self.sign)
        worker = RelayWorker(bridge, settings, attempts)
        try:
            await worker.drain()
        finally:
            await worker.stop()
            await bridge.close()
            ROUTING.routes = Routes()

    def inbox(self) -> list[bytes]:
        """What Alice got."""

        def read(view: Any) -> list[bytes]:
            box = id_of_role(view, self.alice, "inbox")
            emails = view.get_many(EMAIL, self.alice, view.member_ids(EMAIL, self.alice, box))
            return [view.read_blob(self.alice, email.blob_id) for email in emails.values()]

        return self.store.read(read)

    def waiting(self) -> dict[str, dict[str, Any]]:
        """What the queue holds, by recipient, and in how many minutes each is due."""
        rows = self.store.read(lambda view: view.db.rows("SELECT body, due_at FROM outbox WHERE destination <> ''"))
        out: dict[str, dict[str, Any]] = {}
        for body, due_at in rows:
            job = msgspec.json.decode(cast("bytes", body))
            minutes = (int(str(due_at)) - self.clock.now_ms()) / 60_000
            out[job["rcptTo"]["email"]] = {**job, "minutes": minutes}
        return out


@pytest.fixture
def depot(office: Office) -> Iterator[Depot]:
    """A depot with one account."""
    yield Depot(office)
    ROUTING.routes = Routes()
