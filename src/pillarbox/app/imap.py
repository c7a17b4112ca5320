"""The IMAP listener of a process, put together."""

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
from pillarbox.net.tls import IMAP, TlsContexts
from pillarbox.servers.imap.image import Images
from pillarbox.servers.imap.listener import ImapListener
from pillarbox.servers.imap.namespace import Names
from pillarbox.servers.imap.recent import Recents
from pillarbox.servers.imap.search_memory import SearchMemory
from pillarbox.servers.imap.session import Service
from pillarbox.servers.imap.settings import ImapSettings
from pillarbox.services.authentication import Authentication

SESSION = "/.well-known/jmap"  # RFC 8620 §2.2; it answers itself, without a redirect


def imap_listener(
    settings: Settings,
    bridge: Bridge,
    authentication: Authentication,
    listening: Listening,
    place: Place,
    counts: Seat,
    tls: TlsContexts | None,
) -> ImapListener:
    """IMAP on the sockets that there are for it. Raises CertificateError."""
    if listening.imaps and tls is None:  # new settings have lost them, and the sockets are open still
        raise CertificateError("imap.tls_listen is set, and tls.certificates names none")
    handshakes = Handshakes(tls, IMAP) if tls is not None else None
    public_url, shelves = settings.http.public_url, bridge.store.shelves
    service = Service(
        bridge=bridge,
        logins=logins_of(settings, authentication),
        settings=ImapSettings(
            hostname=settings.hostname,
            max_message=settings.limits.max_size_message,
            max_connections_per_address=settings.imap.max_connections_per_address,
            message_limit=settings.imap.message_limit,
            save_limit=settings.imap.save_limit,
            stop_seconds=settings.stop_seconds,
            admin_url=settings.imap.contact or f"mailto:postmaster@{settings.hostname}",
            jmap_url=f"{public_url.rstrip('/')}{SESSION}" if public_url else None,
        ),
        names=Names(shelves),
        images=Images(shelves),
        rechecks=Rechecks(bridge, authentication),
        recents=Recents(bridge),
        memory=SearchMemory(shelves),
    )
    return ImapListener(
        service,
        listening.imap,
        secure=Secure(listening.imaps, handshakes) if handshakes is not None else None,
        handshakes=handshakes,
        counts=counts,
        loads=place.commons.imap,
        seat=place.seat,
    )
