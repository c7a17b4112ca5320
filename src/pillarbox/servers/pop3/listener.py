"""The POP3 listener of a process: it accepts connections, keeps them within bounds, and stops in order.

Sections: RFC 1939 §3; RFC 8314 §3.3 (implicit TLS).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence

from pillarbox.net.accept import Acceptor, Secure
from pillarbox.net.handshake import Handshakes
from pillarbox.net.load import Connections, Loads
from pillarbox.servers.pop3 import observed
from pillarbox.servers.pop3.connection import Connection
from pillarbox.servers.pop3.session import Service, Session
from pillarbox.wire.pop3.reply import err
from pillarbox.wire.pop3.session import Session as Machine

_SWEEP_SECONDS = 5.0
_TOO_MANY = err("Too many connections, try again later", "SYS/TEMP")
_ALL = ("pop3", "")


def _of(peer_address: str) -> tuple[str, str]:
    return "pop3", peer_address


class Pop3Listener:
    """POP3 on some bound sockets, which it closes when it stops."""

    def __init__(
        self,
        service: Service,
        sockets: Sequence[socket.socket],
        *,
        secure: Secure | None = None,
        handshakes: Handshakes | None = None,
        loads: Loads | None = None,
        seat: int = 0,
    ) -> None:
        """On the sockets of `secure` TLS begins at once; `handshakes` offers STLS on the others.

        `loads` tells of the other processes on the same sockets.
        """
        self._service, self._settings = service, service.settings
        self.handshakes = handshakes
        self._sockets, self._secure = sockets, secure
        self._loads, self._seat = loads, seat
        self._connections: set[Connection] = set()
        self._refused: set[Connection] = set()  # they are not counted
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
        )
        self._connections = Connections(self._acceptor.changed)
        self._acceptor.start()
        self._sweeping = asyncio.create_task(self._sweep())

    async def stop(self) -> None:
        """Accept no more, let commands that are being carried out end, and hang up."""
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
            await asyncio.sleep(min(_SWEEP_SECONDS, settings.login_seconds / 2))
            for connection in list(self._connections):
                connection.check_time(loop.time(), settings)

    # --- what connections ask

    def admit(self, connection: Connection, peer_address: str) -> bytes | None:
        """Take a connection in; the reply that sends it away when there are too many."""
        self._connections.add(connection)
        self._is_empty.clear()
        observed.CONNECTIONS_MADE.count()
        observed.CONNECTIONS.add(1)
        counts = self._service.counts
        if not counts.enter(_ALL, self._settings.max_connections):
            return self._refuse(connection, peer_address, _ALL)
        if peer_address and not counts.enter(_of(peer_address), self._settings.max_connections_per_address):
            counts.leave(_ALL)
            return self._refuse(connection, peer_address, _of(peer_address))
        return None

    def _refuse(self, connection: Connection, peer_address: str, key: tuple[str, str]) -> bytes:
        self._refused.add(connection)
        observed.TOO_MANY.log(address=peer_address, connections=self._service.counts.total(key))
        return _TOO_MANY

    def forget(self, connection: Connection) -> None:
        """A connection is gone."""
        observed.CONNECTIONS.add(-1)
        self._connections.discard(connection)
        if not self._connections:
            self._is_empty.set()
        if connection in self._refused:
            self._refused.discard(connection)
            return
        counts = self._service.counts
        counts.leave(_ALL)
        if connection.peer_address:
            counts.leave(_of(connection.peer_address))

    def begin(self, connection: Connection) -> tuple[Machine, Session]:
        """A conversation."""
        machine = Machine()
        return machine, Session(self._service, machine, connection)
