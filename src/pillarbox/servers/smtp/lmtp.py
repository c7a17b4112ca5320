"""The LMTP listener of a process: it accepts connections, keeps them within bounds, and stops in order.

Sections: RFC 2033; RFC 5321 §3.8, §4.5.3.2, §7.8.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from pathlib import Path

from pillarbox.net.accept import Acceptor
from pillarbox.net.bridge import Bridge
from pillarbox.net.count import Counts, Seat
from pillarbox.net.load import Connections, Loads
from pillarbox.net.spool import Spooler
from pillarbox.servers.smtp import observed
from pillarbox.servers.smtp.connection import Connection, Decide
from pillarbox.servers.smtp.delivery import Decider, Delivery
from pillarbox.servers.smtp.known_recipient import KnownRecipients
from pillarbox.servers.smtp.settings import LmtpSettings
from pillarbox.wire.smtp.reply import Reply
from pillarbox.wire.smtp.session import Session
from pillarbox.wire.smtp.state import Options

_SWEEP_SECONDS = 5.0
_TOO_MANY = Reply(421, "4.7.0", "Too many connections, try again later")
_ALL = ("lmtp", "")


def _of(peer_address: str) -> tuple[str, str]:
    return "lmtp", peer_address


class LmtpListener:
    """LMTP on some bound sockets, of the network or of the file system, which it closes when it stops."""

    def __init__(
        self,
        bridge: Bridge,
        sockets: Sequence[socket.socket],
        settings: LmtpSettings | None = None,
        *,
        counts: Seat | None = None,
        loads: Loads | None = None,
        seat: int = 0,
    ) -> None:
        """`counts` and `loads` tell of the other processes that accept on the same sockets."""
        self._settings = settings or LmtpSettings()
        self._sockets, self._loads, self._seat = sockets, loads, seat
        self._counts = counts or Counts().seat()
        folder: Path = bridge.store.folder / "spool"
        known = KnownRecipients(bridge.store.clock)
        bridge.store.listeners.append(known.changed)
        self._delivery = Delivery(bridge, self._settings, Spooler(folder), known)
        self._options = Options(
            hostname=self._settings.hostname,
            lmtp=True,
            max_size=self._settings.max_size,
            max_recipients=self._settings.max_recipients,
        )
        self._connections: set[Connection] = set()
        self._refused: set[Connection] = set()  # they are not counted
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        self._sweeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Accept connections."""
        self._acceptor = Acceptor(
            self._sockets, lambda: Connection(self), lambda: len(self._connections), self._loads, self._seat
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
        loop, idle = asyncio.get_running_loop(), self._settings.idle_seconds
        while True:
            await asyncio.sleep(min(_SWEEP_SECONDS, idle / 2))
            for connection in list(self._connections):
                connection.check_time(loop.time(), idle)

    # --- what connections ask

    def admit(self, connection: Connection, peer_address: str) -> Reply | None:
        """Take a connection in; the reply that sends it away when there are too many."""
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

    def _refuse(self, connection: Connection, peer_address: str, key: tuple[str, str]) -> Reply:
        self._refused.add(connection)
        observed.TOO_MANY.log(address=peer_address, connections=self._counts.total(key))
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
        self._counts.leave(_ALL)
        if connection.peer_address:
            self._counts.leave(_of(connection.peer_address))

    def begin(self, connection: Connection, peer_address: str) -> tuple[Session, Decide]:
        """A conversation, and who decides in it."""
        return Session(self._options, self._delivery.spooler.open), Decider(self._delivery, peer_address)
