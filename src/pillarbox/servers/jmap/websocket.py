"""The WebSocket resource: opens connections over which JMAP is spoken both ways (RFC 8887 §4.1, §4.2)."""

from __future__ import annotations

from pillarbox.servers.http.answer import Header, Upgrade
from pillarbox.servers.http.authorization import Gate
from pillarbox.servers.http.cors import Cors
from pillarbox.servers.http.forwarded import Forwarding
from pillarbox.servers.http.problem import Problem
from pillarbox.servers.http.request import Request
from pillarbox.servers.http.upgraded import SWITCH
from pillarbox.servers.jmap.open_sockets import OpenSockets
from pillarbox.servers.jmap.websocket_connection import WebSocketConnection
from pillarbox.wire.websocket.deflate import negotiate
from pillarbox.wire.websocket.handshake import VERSION, accept_key, is_upgrade, tokens

_PROTOCOL = "jmap"
_UPGRADE: tuple[Header, ...] = ((b"upgrade", b"websocket"), (b"connection", b"Upgrade"))


class WebSocketResource:
    """Answers GET of the WebSocket's address."""

    def __init__(self, gate: Gate, forwarding: Forwarding, cors: Cors, sockets: OpenSockets) -> None:
        self._gate, self._forwarding, self._cors, self._sockets = gate, forwarding, cors, sockets

    async def get(self, request: Request) -> Upgrade:
        """Open a connection for who asks, by the Authorization header or a ticket."""
        accept = _accept(request)
        self._check_origin(request)
        held = await self._gate.login(request, with_ticket=True)
        self._sockets.streams.check(held.login.caller.account)
        deflate = negotiate(_joined(request, b"sec-websocket-extensions"))
        agreed = ((b"sec-websocket-extensions", deflate.header),) if deflate is not None else ()
        headers = (
            *_UPGRADE,
            (b"sec-websocket-accept", accept),
            # RFC 8887 §4.2: the answer says "jmap" too, or JMAP is not spoken.
            (b"sec-websocket-protocol", _PROTOCOL.encode()),
            *agreed,
        )
        return Upgrade(headers, lambda: WebSocketConnection(self._sockets, held, deflate), self._sockets.close)

    def _check_origin(self, request: Request) -> None:
        """Refuse other sites' scripts: a browser asks nobody before it opens a WebSocket (RFC 6455 §10.2)."""
        origin = request.headers.get(b"origin")
        if origin is None or self._cors.allows(origin):
            return
        if origin.decode("latin-1").lower() != self._forwarding.base_url(request).lower():
            raise Problem(403, "scripts of this origin may not open WebSockets here; see http.cors_origins")


def _accept(request: Request) -> bytes:
    """What proves that we have read the handshake. Raises a problem for one that is not ours to accept."""
    asks = is_upgrade(_joined(request, b"connection"), _joined(request, b"upgrade"))
    # RFC 6455 §4.2.1: the handshake is "An HTTP/1.1 or higher GET request".
    switches = SWITCH in request.scope.get("extensions", {}) and request.scope.get("http_version") == "1.1"
    if request.method != "GET" or not asks or not switches:
        raise Problem(426, "this address speaks WebSocket", headers=_UPGRADE)
    if request.header(b"sec-websocket-version") != VERSION:
        # RFC 6455 §4.4: "an HTTP 426 (Upgrade Required)" with the versions that the server understands.
        version = ((b"sec-websocket-version", VERSION.encode()),)
        raise Problem(426, f"this server speaks version {VERSION} of WebSocket", headers=(*_UPGRADE, *version))
    if _PROTOCOL not in tokens(_joined(request, b"sec-websocket-protocol")):
        raise Problem(400, f'the subprotocol is "{_PROTOCOL}" (RFC 8887 §4.2)')
    try:
        return accept_key(request.header(b"sec-websocket-key"))
    except ValueError as error:
        raise Problem(400, str(error)) from None


def _joined(request: Request, name: bytes) -> str:
    """All lines of a header as one (RFC 9110 §5.3)."""
    return ", ".join(value.decode("latin-1") for key, value in request.scope["headers"] if key == name)
