"""A listener of SMTP or LMTP in a process: it accepts connections, keeps them within bounds, and stops in order.

Sections: RFC 2033; RFC 5321 §3.8, §4.5.3.2, §7.8; RFC 8314 §3.3 (implicit TLS).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

from pillarbox.net.accept import Secure
from pillarbox.net.count import Counts, Seat
from pillarbox.net.handshake import Handshakes
from pillarbox.net.load import Loads
from pillarbox.net.proxy import Proxies
from pillarbox.net.roster import Key, Roster
from pillarbox.servers.smtp import observed
from pillarbox.servers.smtp.connection import Connection, Decide
from pillarbox.servers.smtp.settings import ListenerSettings
from pillarbox.services.throttle import network_of
from pillarbox.wire.smtp.reply import Reply
from pillarbox.wire.smtp.session import Session

_TOO_MANY = Reply(421, "4.7.0", "Too many connections, try again later")


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
        self._roster = Roster(
            lambda: Connection(self), sockets, counts=counts or Counts().seat(), secure=secure, loads=loads, seat=seat
        )

    async def start(self) -> None:
        """Accept connections."""
        settings = self._settings
        seconds = min(settings.idle_seconds, settings.patience_seconds) / 2
        await self._roster.start(self._look, seconds, Proxies(settings.trusted_proxies))

    async def stop(self) -> None:
        """Accept no more, let messages that are being stored be acknowledged, and say 421 to everybody."""
        await self._roster.stop(self._settings.stop_seconds)

    @property
    def connection_count(self) -> int:
        """How many peers are connected."""
        return len(self._roster)

    def _look(self, now: float) -> None:
        for connection in self._roster:
            connection.check_time(now, self._settings)

    # --- what connections ask

    def admit(self, connection: Connection, peer_address: str) -> Reply | None:
        """Take a connection in; the reply that sends it away when there are too many."""
        observed.CONNECTIONS_MADE.count(self._name)
        observed.CONNECTIONS.add(1, self._name)
        full = self._roster.enter(connection, self._limits(peer_address))
        if full is None:
            return None
        observed.TOO_MANY.log(listener=self._name, address=peer_address, connections=self._roster.total(full))
        return _TOO_MANY

    def _limits(self, peer_address: str) -> list[tuple[Key, int]]:
        """What a connection counts for, and how many there may be."""
        settings = self._settings
        found: list[tuple[Key, int]] = [((self._name, ""), settings.max_connections)]
        if peer_address:
            found.append(((self._name, peer_address), settings.max_connections_per_address))
            # Whoever has a network of addresses has no more connections for it; loopback has no network.
            if settings.max_connections_per_network and (network := network_of(peer_address, wide=True)):
                found.append(((self._name, network), settings.max_connections_per_network))
        return found

    def forget(self, connection: Connection) -> None:
        """A connection is gone."""
        observed.CONNECTIONS.add(-1, self._name)
        self._roster.leave(connection)
