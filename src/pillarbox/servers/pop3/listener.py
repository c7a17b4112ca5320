"""The POP3 listener of a process: it accepts connections, keeps them within bounds, and stops in order.

Sections: RFC 1939 §3; RFC 8314 §3.3 (implicit TLS).
"""

from __future__ import annotations

import socket
from collections.abc import Sequence

from pillarbox.net.accept import Secure
from pillarbox.net.handshake import Handshakes
from pillarbox.net.load import Loads
from pillarbox.net.roster import Key, Roster
from pillarbox.servers.pop3 import observed
from pillarbox.servers.pop3.connection import Connection
from pillarbox.servers.pop3.session import Service, Session
from pillarbox.wire.pop3.reply import err
from pillarbox.wire.pop3.session import Session as Machine

_TOO_MANY = err("Too many connections, try again later", "SYS/TEMP")


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
        self._roster = Roster(
            lambda: Connection(self), sockets, counts=service.counts, secure=secure, loads=loads, seat=seat
        )

    async def start(self) -> None:
        """Accept connections."""
        await self._roster.start(self._look, self._settings.login_seconds / 2)

    async def stop(self) -> None:
        """Accept no more, let commands that are being carried out end, and hang up."""
        await self._roster.stop(self._settings.stop_seconds)

    @property
    def connection_count(self) -> int:
        """How many peers are connected."""
        return len(self._roster)

    def _look(self, now: float) -> None:
        for connection in self._roster:
            connection.check_time(now, self._settings)

    # --- what connections ask

    def admit(self, connection: Connection, peer_address: str) -> bytes | None:
        """Take a connection in; the reply that sends it away when there are too many."""
        observed.CONNECTIONS_MADE.count()
        observed.CONNECTIONS.add(1)
        limits: list[tuple[Key, int]] = [(("pop3", ""), self._settings.max_connections)]
        if peer_address:
            limits.append((("pop3", peer_address), self._settings.max_connections_per_address))
        full = self._roster.enter(connection, limits)
        if full is None:
            return None
        observed.TOO_MANY.log(address=peer_address, connections=self._roster.total(full))
        return _TOO_MANY

    def forget(self, connection: Connection) -> None:
        """A connection is gone."""
        observed.CONNECTIONS.add(-1)
        self._roster.leave(connection)

    def begin(self, connection: Connection) -> tuple[Machine, Session]:
        """A conversation."""
        machine = Machine()
        return machine, Session(self._service, machine, connection)
