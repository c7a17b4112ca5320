"""The POP3 listener of a process, put together."""

from __future__ import annotations

from pillarbox.app.config.settings import Settings
from pillarbox.app.listening import Listening
from pillarbox.app.logins import logins_of
from pillarbox.app.place import Place
from pillarbox.net.accept import Secure
from pillarbox.net.bridge import Bridge
from pillarbox.net.certificate import CertificateError
from pillarbox.net.count import Seat
from pillarbox.net.handshake import Handshakes
from pillarbox.net.recheck import Rechecks
from pillarbox.net.tls import POP3, TlsContexts
from pillarbox.servers.pop3.listener import Pop3Listener
from pillarbox.servers.pop3.session import Service
from pillarbox.servers.pop3.settings import Pop3Settings
from pillarbox.services.authentication import Authentication


def pop3_listener(
    settings: Settings,
    bridge: Bridge,
    authentication: Authentication,
    listening: Listening,
    place: Place,
    counts: Seat,
    tls: TlsContexts | None,
) -> Pop3Listener:
    """POP3 on the sockets that there are for it. Raises CertificateError."""
    if listening.pop3s and tls is None:  # new settings have lost them, and the sockets are open still
        raise CertificateError("pop3.tls_listen is set, and tls.certificates names none")
    handshakes = Handshakes(tls, POP3) if tls is not None else None
    service = Service(
        bridge=bridge,
        logins=logins_of(settings, authentication),
        settings=Pop3Settings(stop_seconds=settings.stop_seconds),
        counts=counts,
        rechecks=Rechecks(bridge, authentication),
    )
    return Pop3Listener(
        service,
        listening.pop3,
        secure=Secure(listening.pop3s, handshakes) if handshakes is not None else None,
        handshakes=handshakes,
        loads=place.commons.pop3,
        seat=place.seat,
    )
