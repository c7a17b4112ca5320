"""The IMAP listener of a process: it accepts connections, keeps them within bounds, and stops in order.

Sections: RFC 9051 §5.4, §7.1.5; RFC 8314 §3.2 (implicit TLS).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence

from pillarbox.net.accept import Acceptor, Secure
from pillarbox.net.count import Counts, Seat
from pillarbox.net.handshake import Handshakes
from pillarbox.net.load import Connections, Loads
from pillarbox.net.spool import Spooler
from pillarbox.servers.imap import observed, parting
from pillarbox.servers.imap.connection import Connection
from pillarbox.servers.imap.session import Service, Session
from pillarbox.wire.imap.options import Options
from pillarbox.wire.imap.session import Session as Machine

_SWEEP_SECONDS = 5.0
_ALL = ("imap", "")


def _of(peer_address: str) -> tuple[str, str]:
    return "imap", peer_address


class ImapListener:
    """IMAP on some bound sockets, which it closes when it stops."""

    def __init__(
        self,
        service: Service,
        sockets: Sequence[socket.socket],
        *,
        secure: Secure | None = None,
        handshakes: Handshakes | None = None,
        counts: Seat | None = None,
        loads: Loads | None = None,
        seat: int = 0,
    ) -> None:
        """On the sockets of `secure` TLS begins at once; `handshakes` offers STARTTLS on the others.

        `counts` and `loads` tell of the other processes on the same sockets.
        """
        self._service, self._settings = service, service.settings
        self.handshakes = handshakes
        self._sockets, self._secure = sockets, secure
        self._loads, self._seat = loads, seat
        self._counts = counts or Counts().seat()
        self._spooler = Spooler(service.bridge.store.folder / "spool")
        self._options = Options(max_message=self._settings.max_message)
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
        """Accept no more, let commands that are being carried out end, and say BYE to everybody."""
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

    @property
    def spooled(self) -> int:
        """How many octets of messages that come in are held in memory."""
        return self._spooler.kept

    async def _sweep(self) -> None:
        """One look at all connections now and then costs less than a timer for each."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(_SWEEP_SECONDS, self._settings.login_seconds / 2))
            self.look(loop.time())

    def look(self, now: float) -> None:
        """See to what is due at a time of the event loop's clock."""
        for connection in list(self._connections):
            connection.check_time(now, self._settings)

    # --- what connections ask

    def admit(self, connection: Connection, peer_address: str) -> bytes | None:
        """Take a connection in; the BYE that sends it away when there are too many."""
        self._connections.add(connection)
        self._is_empty.clear()
        observed.CONNECTIONS_MADE.count()
        observed.CONNECTIONS.add(1)
        if not self._counts.enter(_ALL, self._settings.max_connections):
            return self._refuse(connection, peer_address, _ALL)
        if peer_address and not self._counts.enter(_of(peer_address), self._settings.max_connections_per_address):
            self._counts.leave(_ALL)
            return self._refuse(connection, peer_address, _of(peer_address))
        return None

    def _refuse(self, connection: Connection, peer_address: str, key: tuple[str, str]) -> bytes:
        self._refused.add(connection)
        observed.TOO_MANY.log(address=peer_address, connections=self._counts.total(key))
        return parting.TOO_MANY

    def forget(self, connection: Connection) -> None:
        """A connection is gone."""
        observed.CONNECTIONS.add(-1)
        self._connections.discard(connection)
        if not self._connections:
            self._is_empty.set()
        if connection in self._refused:
            self._refused.discard(connection)
            return
        self._counts.leave(_ALL)
        if connection.peer_address:
            self._counts.leave(_of(connection.peer_address))

    def begin(self, connection: Connection) -> tuple[Machine, Session]:
        """A conversation."""
        machine = Machine(self._options, self._spooler.open)
        return machine, Session(self._service, machine, connection)
