"""The LMTP listener of a process.

Sections: RFC 2033; RFC 5321 §7.8.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence

from pillarbox.net.bridge import Bridge
from pillarbox.net.count import Seat
from pillarbox.net.handshake import Handshakes
from pillarbox.net.load import Loads
from pillarbox.net.spool import Spooler
from pillarbox.servers.smtp.connection import Connection, Decide
from pillarbox.servers.smtp.delivery import Decider, Delivery
from pillarbox.servers.smtp.known_recipient import KnownRecipients
from pillarbox.servers.smtp.listener import MailListener
from pillarbox.servers.smtp.settings import LmtpSettings
from pillarbox.services.reports.inbox import ReportInbox
from pillarbox.wire.smtp.session import Session
from pillarbox.wire.smtp.state import Extensions, Offer, Options


class LmtpListener(MailListener):
    """LMTP on some bound sockets, of the network or of the file system, which it closes when it stops."""

    def __init__(
        self,
        bridge: Bridge,
        sockets: Sequence[socket.socket],
        settings: LmtpSettings | None = None,
        *,
        handshakes: Handshakes | None = None,
        counts: Seat | None = None,
        loads: Loads | None = None,
        seat: int = 0,
        reports: ReportInbox | None = None,
    ) -> None:
        """`handshakes` allows STARTTLS; `counts` and `loads` tell of the other processes on the same sockets.

        `reports` is shown what may be a report.
        """
        settings = settings or LmtpSettings()
        known = KnownRecipients(bridge.store.clock)
        bridge.store.listeners.append(known.changed)
        self._delivery = Delivery(bridge, settings, Spooler(bridge.store.folder / "spool"), known, reports)
        self._options = Options(
            hostname=settings.hostname,
            lmtp=True,
            max_size=settings.max_size,
            max_recipients=settings.max_recipients,
            extensions=Extensions(dsn=True, require_tls=True, limits=True),
        )
        super().__init__(
            settings,
            self._begin,
            sockets,
            handshakes=handshakes,
            counts=counts,
            loads=loads,
            seat=seat,
        )

    def _begin(self, connection: Connection) -> tuple[Session, Decide]:
        """A conversation, and who decides in it."""
        offer = Offer(start_tls=connection.can_start_tls)
        session = Session(self._options, self._delivery.spooler.open, offer)
        return session, Decider(self._delivery, connection.peer_address, session)
