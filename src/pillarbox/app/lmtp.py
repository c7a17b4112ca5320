"""The LMTP listener of a process, put together."""

from __future__ import annotations

from pillarbox.app.config.settings import Settings
from pillarbox.app.listening import Listening
from pillarbox.app.place import Place
from pillarbox.net.bridge import Bridge
from pillarbox.net.count import Seat
from pillarbox.net.handshake import Handshakes
from pillarbox.net.tls import SMTP, TlsContexts
from pillarbox.servers.smtp.lmtp import LmtpListener
from pillarbox.servers.smtp.settings import LmtpSettings
from pillarbox.services.reports.inbox import ReportInbox


def lmtp_listener(
    settings: Settings,
    bridge: Bridge,
    listening: Listening,
    place: Place,
    counts: Seat,
    tls: TlsContexts | None,
    reports: ReportInbox | None = None,
) -> LmtpListener:
    """LMTP on the sockets that there are for it; STARTTLS is offered where there are certificates."""
    return LmtpListener(
        bridge,
        listening.lmtp,
        LmtpSettings(
            hostname=settings.hostname,
            max_size=settings.limits.max_size_message,
            max_recipients=settings.limits.max_recipients,
            stop_seconds=settings.stop_seconds,
        ),
        handshakes=Handshakes(tls, SMTP) if tls is not None else None,
        counts=counts,
        loads=place.commons.lmtp,
        seat=place.seat,
        reports=reports,
    )
