"""What goes on while PostgreSQL answers nobody: whatever needs no reading, for whoever has logged in before."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.servers.http.forwarded import Forwarding
from pillarbox.servers.http.settings import HttpSettings
from pillarbox.servers.http.watch import WatchResource
from pillarbox.servers.http.watcher import Watchers, WatcherSettings
from pillarbox.servers.jmap.timing import Timing
from pillarbox.services.provision import connect_rules
from pillarbox.storage.postgresql.store import PostgresStore
from tests.directory_fixture import Office, SetClock
from tests.servers.imap import imap_server
from tests.servers.jmap.socket_client import Client, talking
from tests.servers.web_fixture import Web
from tests.support.postgres_server import Server


@pytest.fixture
def store(postgres_url: str, tmp_path: Path) -> Iterator[PostgresStore]:
    store = PostgresStore(postgres_url, tmp_path / "here", clock=SetClock())
    yield store
    store.close()


@pytest.fixture
def elsewhere(store: PostgresStore, postgres_url: str, tmp_path: Path) -> Iterator[Office]:
    """A node that nobody hears of."""
    other = PostgresStore(postgres_url, tmp_path / "there", clock=store.clock)
    assert isinstance(store.clock, SetClock)
    yield Office(other, store.clock)
    other.close()


@pytest.fixture
def web(store: PostgresStore) -> Iterator[Web]:
    """The application on PostgreSQL, with pings many times a second."""
    connect_rules()
    assert isinstance(store.clock, SetClock)
    store.write(lambda tx: tx.add_account(DIRECTORY))
    office = Office(store, store.clock)
    office.create("Domain", name="example.org")
    for name in ("alice", "bob"):
        office.account(f"{name}@example.org")
    routes = WatchResource(Watchers(WatcherSettings(), Forwarding(None, ())), None, None).routes()  # type: ignore[arg-type]
    timing = Timing(gather=0, ping_least=0.01, ping_most=0.02, recheck=0.01, sweep=0.05)
    web = Web(office, HttpSettings(), timing, routes)
    yield web
    web.close()


async def status(web: Web, target: str, user: str | None) -> int:
    return (await web.begin("GET", target, user=user).whole()).status


def test_a_database_that_hangs_stops_nobody_who_needs_nothing_of_it(
    web: Web, elsewhere: Office, postgres: Server, postgres_url: str
) -> None:
    async def talk(client: Client) -> None:
        stream = web.begin("GET", "/jmap/eventsource?types=*&closeafter=no&ping=30")
        assert (await stream.head()).status == 200
        for user in ("alice", "bob"):
            assert await status(web, "/jmap/session", user) == 200
        with postgres.hanging(postgres_url):
            web.office.clock.forward(seconds=1)
            asked = [asyncio.create_task(status(web, "/jmap/session", user)) for user in ("alice", "bob", "bob")]
            assert await status(web, "/healthz/live", None) == 200
            assert [await one for one in asked] == [200, 200, 200]
            await client.say(at_type="Nonsense", id="R")
            assert (await client.hear())["requestId"] == "R"
            for _ in range(stream.waiting + 2):  # one may be sent before the login is due
                assert b": connected" in (piece := await stream.piece() or b"") or b"event: ping" in piece
        for user in ("alice", "bob"):
            elsewhere.update("Account", web.ids[user], {"isEnabled": False})
        web.office.clock.forward(seconds=1)
        while await status(web, "/jmap/session", "bob") != 401:  # the look that hung may not have ended
            pass
        while await stream.piece() is not None:
            pass
        assert await client.code() == 1008

    async def story() -> None:
        async with asyncio.timeout(60), talking(web) as client:
            await talk(client)

    web.run(story())


def test_a_database_that_hangs_for_minutes_has_logins_no_longer_believed(
    web: Web, postgres: Server, postgres_url: str
) -> None:
    async def story() -> None:
        async with asyncio.timeout(60), talking(web) as client:
            assert await status(web, "/jmap/session", "alice") == 200
            stream = web.begin("GET", "/jmap/eventsource?types=*&closeafter=no&ping=30")
            assert (await stream.head()).status == 200
            with postgres.hanging(postgres_url):
                web.office.clock.forward(seconds=299.9)
                assert await status(web, "/jmap/session", "alice") == 200
                web.office.clock.forward(seconds=0.1)
                while await stream.piece() is not None:
                    pass
                assert await client.code() == 1013

    web.run(story())


def test_an_imap_connection_outlives_a_database_that_hangs_and_its_own_end_is_noticed_then(
    store: PostgresStore, elsewhere: Office, postgres: Server, postgres_url: str
) -> None:
    clock = elsewhere.clock

    async def story() -> None:
        # Who waits in IDLE is looked at every second.
        async with asyncio.timeout(60), imap_server.running(store, login_seconds=2) as server:
            alice, bob = await server.connect("alice"), await server.connect("bob")
            bob.send(b"i IDLE\r\n")
            assert (await bob.hear()).startswith("+")
            with postgres.hanging(postgres_url):
                clock.forward(seconds=1)
                assert await alice.say("NOOP") == ["OK Nothing was done"]
            for user in ("alice", "bob"):
                elsewhere.update("Account", user, {"isEnabled": False})
            clock.forward(seconds=1)
            while (said := await alice.say("NOOP")) == ["OK Nothing was done"]:  # the look that hung may not have ended
                pass
            assert said == ["* BYE The login no longer holds", ""]
            assert await bob.hear() == "* BYE The login no longer holds"

    imap_server.fill(store)
    asyncio.run(story())
