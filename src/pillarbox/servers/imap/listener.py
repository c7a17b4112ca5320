"""The IMAP listener of a process: it accepts connections, keeps them within bounds, and stops in order.

Sections: RFC 9051 §5.4, §7.1.5; RFC 8314 §3.2 (implicit TLS).
"""

from __future__ import annotations

import socket
from collections.abc import Sequence

from pillarbox.net.accept import Secure
from pillarbox.net.count import Counts, Seat
from pillarbox.net.handshake import Handshakes
from pillarbox.net.load import Loads
from pillarbox.net.roster import Key, Roster
from pillarbox.net.spool import Spooler
from pillarbox.servers.imap import observed, parting
from pillarbox.servers.imap.connection import Connection
from pillarbox.servers.imap.session import Service, Session
from pillarbox.wire.imap.options import Options
from pillarbox.wire.imap.session import Session as Machine


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
        self._spooler = Spooler(service.bridge.store.folder / "spool")
        self._options = Options(max_message=self._settings.max_message)
        self._roster = Roster(
            lambda: Connection(self), sockets, counts=counts or Counts().seat(), secure=secure, loads=loads, seat=seat
        )

    async def start(self) -> None:
        """Accept connections."""
        await self._roster.start(self.look, self._settings.login_seconds / 2)

    async def stop(self) -> None:
        """Accept no more, let commands that are being carried out end, and say BYE to everybody."""
        await self._roster.stop(self._settings.stop_seconds)
        await self._service.recents.settle()

    @property
    def connection_count(self) -> int:
        """How many peers are connected."""
        return len(self._roster)

    @property
    def spooled(self) -> int:
        """How many octets of messages that come in are held in memory."""
        return self._spooler.kept

    def look(self, now: float) -> None:
        """See to what is due at a time of the event loop's clock."""
        for connection in self._roster:
            connection.check_time(now, self._settings)

    # --- what connections ask

    def admit(self, connection: Connection, peer_address: str) -> bytes | None:
        """Take a connection in; the BYE that sends it away when there are too many."""
        observed.CONNECTIONS_MADE.count()
        observed.CONNECTIONS.add(1)
        limits: list[tuple[Key, int]] = [(("imap", ""), self._settings.max_connections)]
        if peer_address:
            limits.append((("imap", peer_address), self._settings.max_connections_per_address))
        full = self._roster.enter(connection, limits)
        if full is None:
            return None
        observed.TOO_MANY.log(address=peer_address, connections=self._roster.total(full))
        return parting.TOO_MANY

    def forget(self, connection: Connection) -> None:
        """A connection is gone."""
        observed.CONNECTIONS.add(-1)
        self._roster.leave(connection)

    def begin(self, connection: Connection) -> tuple[Machine, Session]:
        """A conversation."""
        machine = Machine(self._options, self._spooler.open)
        return machine, Session(self._service, machine, connection)
