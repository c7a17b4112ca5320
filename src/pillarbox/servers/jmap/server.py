"""JMAP's resources put together: which address is answered by what (RFC 8620 §2, §2.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.declare import DataType
from pillarbox.net.bridge import Bridge
from pillarbox.net.count import Counts, Seat
from pillarbox.servers.http.authorization import Authentication, Gate
from pillarbox.servers.http.cors import Cors
from pillarbox.servers.http.forwarded import Forwarding
from pillarbox.servers.http.router import Route
from pillarbox.servers.http.settings import HttpSettings
from pillarbox.servers.jmap import session as address
from pillarbox.servers.jmap.api import ApiResource, Calls
from pillarbox.servers.jmap.download import DownloadResource
from pillarbox.servers.jmap.event_source import EventSourceResource
from pillarbox.servers.jmap.open_sockets import OpenSockets
from pillarbox.servers.jmap.session import SessionResource, Sessions
from pillarbox.servers.jmap.ticket import TicketResource
from pillarbox.servers.jmap.timing import Timing
from pillarbox.servers.jmap.upload import UploadResource
from pillarbox.servers.jmap.websocket import WebSocketResource
from pillarbox.services.methods.method import Method
from pillarbox.services.push_key import public_key
from pillarbox.services.push_state import PushedTypes


def jmap_routes(
    bridge: Bridge,
    methods: Mapping[str, Method],
    types: Iterable[DataType[Any]],
    authentication: Authentication,
    settings: HttpSettings,
    timing: Timing | None = None,
    counts: Seat | None = None,
) -> list[Route]:
    """All routes of JMAP over HTTP."""
    types, limits, counts = list(types), bridge.store.limits, counts or Counts().seat()
    forwarding = Forwarding(settings.public_url, settings.trusted_proxies)
    gate = Gate(bridge, authentication, forwarding)
    sessions = Sessions(limits, methods, types, settings.public_url, bridge.store.read(public_key))
    bridge.feed.listen({DIRECTORY}, sessions.changed)
    session = SessionResource(gate, bridge, sessions, forwarding)
    timing, pushed = timing or Timing(), PushedTypes(types)
    calls = Calls(bridge, methods, sessions, limits, counts)
    events = EventSourceResource(gate, bridge, pushed, timing, counts)
    sockets = OpenSockets(gate, bridge, calls, pushed, timing, settings.compress_from_octets)
    websocket = WebSocketResource(gate, forwarding, Cors(settings.allowed_origins), sockets)
    return [
        # The well-known address answers itself: a browser's preflight fails on a redirect.
        Route("/.well-known/jmap", {"GET": session.get}, name="session"),
        Route("/jmap/session", {"GET": session.get}, name="session"),
        Route(address.API, {"POST": ApiResource(gate, calls).post}, name="api"),
        Route(address.UPLOAD, {"POST": UploadResource(gate, bridge, limits, counts).post}, prefix=True, name="upload"),
        Route(
            address.DOWNLOAD, {"GET": DownloadResource(gate, bridge, limits, counts).get}, prefix=True, name="download"
        ),
        Route(address.EVENTS, {"GET": events.get}, name="events"),
        Route(address.WEBSOCKET, {"GET": websocket.get}, name="websocket"),
        Route(address.TICKET, {"POST": TicketResource(gate, bridge).post}, name="ticket"),
    ]
