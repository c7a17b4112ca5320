"""What is told of logging in to who comes from elsewhere without TLS: a peer on this machine is never told so."""

import asyncio
from collections.abc import Mapping

import pytest

from pillarbox.app.wiring import bridge_to
from pillarbox.net.recheck import Rechecks
from pillarbox.servers.imap.capability import capabilities
from pillarbox.servers.imap.image import Images
from pillarbox.servers.imap.login import authenticate, log_in
from pillarbox.servers.imap.namespace import Names
from pillarbox.servers.imap.recent import Recents
from pillarbox.servers.imap.session import Service, Session
from pillarbox.servers.imap.settings import ImapSettings
from pillarbox.services.authentication import Authentication
from pillarbox.services.login import Logins, Policy
from pillarbox.storage.store import Store
from pillarbox.wire.imap.command import Authenticate, Login
from pillarbox.wire.imap.options import Options
from pillarbox.wire.imap.session import Session as Machine
from tests.servers.imap.imap_server import PASSWORD


class Line:
    """A connection from an address of the network."""

    peer_address = "203.0.113.5"
    bindings: Mapping[str, bytes] = {}

    def __init__(self, *, is_encrypted: bool, can_start_tls: bool) -> None:
        self.is_encrypted, self.can_start_tls = is_encrypted, can_start_tls

    def wake(self) -> None: ...
    async def drain(self) -> None: ...
    async def next_line(self, prompt: bytes) -> bytes:
        raise ConnectionError(prompt)


def session(store: Store, policy: Policy | None = None, **line: bool) -> Session:
    bridge, authentication = bridge_to(store), Authentication(store.clock)
    logins, rechecks = Logins(authentication, policy), Rechecks(bridge, authentication)
    service = Service(bridge, logins, ImapSettings(), Names(), Images(), rechecks, Recents(bridge))
    return Session(service, Machine(Options(), lambda: pytest.fail("no message comes")), Line(**line))


def told(session: Session) -> set[str]:
    return set(capabilities(session).split())


def test_passwords_do_not_cross_the_network_in_the_clear(store: Store) -> None:
    async def main() -> None:
        stranger = session(store, is_encrypted=False, can_start_tls=True)
        assert {"STARTTLS", "LOGINDISABLED"} <= told(stranger)
        assert not any(word.startswith("AUTH=") for word in told(stranger))
        done = await log_in(stranger, Login("alice@example.org", PASSWORD))
        assert (done.status, done.code) == ("NO", "PRIVACYREQUIRED")
        done = await authenticate(stranger, Authenticate("PLAIN", b"\0alice@example.org\0" + PASSWORD.encode()))
        assert (done.status, done.code) == ("NO", "PRIVACYREQUIRED")
        assert stranger.logged_in is None
        await stranger.bridge.close()

    asyncio.run(main())


def test_under_tls_or_where_an_administrator_wants_it_they_may(store: Store) -> None:
    async def main() -> None:
        for stranger in (
            session(store, is_encrypted=True, can_start_tls=False),
            session(store, Policy(without_tls=True), is_encrypted=False, can_start_tls=False),
        ):
            assert {"AUTH=PLAIN"} <= told(stranger)
            assert not {"STARTTLS", "LOGINDISABLED"} & told(stranger)
            assert (await log_in(stranger, Login("alice@example.org", PASSWORD))).status == "OK"
            await stranger.bridge.close()

    asyncio.run(main())
