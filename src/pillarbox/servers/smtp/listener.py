"""A listener of SMTP or LMTP in a process: it accepts connections, keeps them within bounds, and stops in order.

Sections: RFC 2033; RFC 5321 §3.8, §4.5.3.2, §7.8; RFC 8314 §3.3 (implicit TLS).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence

from pillarbox.net.accept import Acceptor, Secure
from pillarbox.net.count import Counts, Seat
from pillarbox.net.handshake import Handshakes
from pillarbox.net.load import Connections, Loads
from pillarbox.net.proxy import Proxies
from pillarbox.servers.smtp import observed
from pillarbox.servers.smtp.connection import Connection, Decide
from pillarbox.servers.smtp.settings import ListenerSettings
from pillarbox.services.throttle import network_of
from pillarbox.wire.smtp.reply import Reply
from pillarbox.wire.smtp.session import Session

_SWEEP_SECONDS = 5.0
_TOO_MANY = Reply(421, "4.7.0", "Too many connections, try again later")
_Key = tuple[str, str]


class MailListener:
    """SMTP or LMTP on some bound sockets, of the network or of the file system, which it closes when it stops."""

    def __init__(
        self,
        settings: ListenerSettings,
        begin: Callable[[Connection], tuple[Session, Decide]],
        sockets: Sequence[socket.socket],
        *,
        secure: Secure | None = None,
        handshakes: Handshakes | None = None,
        counts: Seat | None = None,
        loads: Loads | None = None,
        seat: int = 0,
    ) -> None:
        """`begin` makes the conversation of a connection, and who decides in it.

        On the sockets of `secure` TLS begins at once; `handshakes` allows STARTTLS on the others. `counts` and `loads`
        tell of the other processes that accept on the same sockets.
        """
        self._name, self._settings, self.begin = settings.name, settings, begin
        self.handshakes = handshakes
        self._sockets, self._secure, self._loads, self._seat = sockets, secure, loads, seat
        self._counts = counts or Counts().seat()
        self._connections: set[Connection] = set()
        self._counted: dict[Connection, tuple[_Key, ...]] = {}
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        self._sweeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Accept connections."""
        self._acceptor = Acceptor(
            self._sockets,
            lambda: Connection(self),
            lambda: len(self._connections),
            self._loads,
            self._seat,
            self._secure,
            Proxies(self._settings.trusted_proxies),
        )
        self._connections = Connections(self._acceptor.changed)
        self._acceptor.start()
        self._sweeping = asyncio.create_task(self._sweep())

    async def stop(self) -> None:
        """Accept no more, let messages that are being stored be acknowledged, and say 421 to everybody."""
        await self._acceptor.stop()
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
        for connection in list(self._connections):
            connection.stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._is_empty.wait(), self._settings.stop_seconds)
        for connection in list(self._connections):
            connection.abort()

    @property
    def connection_count(self) -> int:
        """How many peers are connected."""
        return len(self._connections)

    async def _sweep(self) -> None:
        """One look at all connections now and then costs less than a timer for each."""
        loop, settings = asyncio.get_running_loop(), self._settings
        while True:
            await asyncio.sleep(min(_SWEEP_SECONDS, settings.idle_seconds / 2, settings.patience_seconds / 2))
            for connection in list(self._connections):
                connection.check_time(loop.time(), settings)

    # --- what connections ask

    def admit(self, connection: Connection, peer_address: str) -> Reply | None:
        """Take a connection in; the reply that sends it away when there are too many."""
        self._connections.add(connection)
        self._is_empty.clear()
        observed.CONNECTIONS_MADE.count(self._name)
        observed.CONNECTIONS.add(1, self._name)
        entered: list[_Key] = []
        for key, most in self._limits(peer_address):
            if not self._counts.enter(key, most):
                for other in entered:
                    self._counts.leave(other)
                observed.TOO_MANY.log(listener=self._name, address=peer_address, connections=self._counts.total(key))
                return _TOO_MANY
            entered.append(key)
        self._counted[connection] = tuple(entered)
        return None

    def _limits(self, peer_address: str) -> list[tuple[_Key, int]]:
        """What a connection counts for, and how many there may be."""
        settings = self._settings
        found: list[tuple[_Key, int]] = [((self._name, ""), settings.max_connections)]
        if peer_address:
            found.append(((self._name, peer_address), settings.max_connections_per_address))
            # Whoever has a network of addresses has no more connections for it; loopback has no network.
            if settings.max_connections_per_network and (network := network_of(peer_address, wide=True)):
                found.append(((self._name, network), settings.max_connections_per_network))
        return found

    def forget(self, connection: Connection) -> None:
        """A connection is gone."""
        observed.CONNECTIONS.add(-1, self._name)
        self._connections.discard(connection)
        if not self._connections:
            self._is_empty.set()
        for key in self._counted.pop(connection, ()):
            self._counts.leave(key)
