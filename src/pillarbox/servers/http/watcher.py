"""Who may look into the server: see its numbers, and why it is not ready. Nobody, unless the settings say so."""

from __future__ import annotations

import hmac

import msgspec

from pillarbox.servers.http.forwarded import Forwarding
from pillarbox.servers.http.problem import Problem
from pillarbox.servers.http.request import Request

_BEARER = (b"www-authenticate", b'Bearer realm="Pillarbox"')


class WatcherSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who is a watcher. On a listener of its own everybody is who can reach it, unless there is a token."""

    is_own_listener: bool = False
    allow: tuple[str, ...] = ()
    token: str | None = None


class Watchers:
    """Decides who may look."""

    def __init__(self, settings: WatcherSettings, forwarding: Forwarding) -> None:
        self._settings, self._forwarding = settings, forwarding
        self._allowed = Forwarding(None, settings.allow)

    def check(self, request: Request) -> None:
        """Raise a 404 problem when nobody may look here, a 401 or 403 one when this client may not."""
        settings = self._settings
        if not settings.is_own_listener and not settings.allow and settings.token is None:
            raise Problem(404, "there is nothing at this address")
        if settings.allow and not self._is_allowed(request):
            raise Problem(403, "this address may not look here")
        if settings.token is not None and not self._has_token(request, settings.token):
            raise Problem(401, "a token is needed", headers=(_BEARER,))

    def admits(self, request: Request) -> bool:
        """Whether this client may look."""
        try:
            self.check(request)
        except Problem:
            return False
        return True

    def _is_allowed(self, request: Request) -> bool:
        address = self._forwarding.address(request)
        # Behind a proxy that nobody told us of, the whole world has the proxy's address.
        is_proxied = b"forwarded" in request.headers or b"x-forwarded-for" in request.headers
        if is_proxied and address == request.peer:
            return False
        return self._allowed.trusts(address)

    @staticmethod
    def _has_token(request: Request, token: str) -> bool:
        scheme, _, given = request.headers.get(b"authorization", b"").partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(given.strip(), token.encode())
