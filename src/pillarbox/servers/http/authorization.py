"""Who asks: the Authorization header, Basic or Bearer, answered from memory when it was right before.

RFC 7617, RFC 6750, RFC 9110 §11.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from pillarbox.core.account import Caller
from pillarbox.core.faults import Fault, Kind
from pillarbox.core.operation import current
from pillarbox.datatypes.view import Transaction, View
from pillarbox.net.bridge import Bridge
from pillarbox.net.recheck import Rechecks
from pillarbox.servers.http.forwarded import Forwarding
from pillarbox.servers.http.problem import Problem
from pillarbox.servers.http.request import Request
from pillarbox.services.held import Held
from pillarbox.services.ticket import parse

_MAX_OCTETS = 8_192
_BASIC = (b"www-authenticate", b'Basic realm="Pillarbox", charset="UTF-8"')
_BEARER = (b"www-authenticate", b'Bearer realm="Pillarbox"')
_BEARER_WRONG = (b"www-authenticate", b'Bearer realm="Pillarbox", error="invalid_token"')


class Authentication(Protocol):
    """What this server needs of the service that knows passwords and tokens."""

    def held(self, authorization: str) -> Held | None:
        """The login of an Authorization header that was verified lately; to be kept while a connection is open."""

    def is_due(self, held: Held) -> bool:
        """Whether a login should be looked at again before it is used."""

    def look_again(self, view: View, held: Held) -> bool:
        """Note what has become of a login; whether it still holds."""

    def check(self, held: Held) -> Caller | None:
        """Who that is by what is known; None when the login no longer holds. Raises UNAVAILABLE."""

    def redeem(self, tx: Transaction, account: str, digest: str) -> Held:
        """The login that a ticket stands for, once. Raises FORBIDDEN."""

    def verify(self, view: View, authorization: str, address: str) -> Caller:
        """Who sent this header, taking its time. Raises FORBIDDEN, or RATE_LIMIT after too many failures."""


class Gate:
    """Lets in who shows a right Authorization header."""

    def __init__(self, bridge: Bridge, authentication: Authentication, forwarding: Forwarding) -> None:
        self._bridge, self._authentication, self._forwarding = bridge, authentication, forwarding
        self._rechecks: Rechecks[Held] = Rechecks(bridge, authentication)
        self._verifying: dict[tuple[str, str], asyncio.Future[Caller]] = {}

    async def caller(self, request: Request) -> Caller:
        """Who asks. Raises a 401 problem, or a 429 after too many failures."""
        value = request.headers.get(b"authorization")
        if value is None:
            raise _unauthorized("authentication is required")
        authorization = value.decode("latin-1")
        caller = await self._remembered(authorization) or await self._verify(request, authorization)
        if (operation := current()) is not None:
            operation.account, operation.login = caller.account, caller.username
        return caller

    async def login(self, request: Request, *, with_ticket: bool = False) -> Held:
        """The login of who asks, to be checked again later; by a ticket in the query, where that is allowed.

        Raises as `caller` does.
        """
        value = request.header(b"authorization")
        text = request.query().get("ticket") if with_ticket and not value else None
        if text is not None:
            return await self._redeem(text)
        await self.caller(request)
        held = self._authentication.held(value)
        if held is None:
            raise _unauthorized("the credentials are wrong")
        return held

    async def _remembered(self, authorization: str) -> Caller | None:
        held = self._authentication.held(authorization)
        return await self.check_again(held) if held is not None else None

    async def check_again(self, held: Held) -> Caller | None:
        """Who a login belongs to by now; None when it no longer holds. Raises unavailable."""
        await self.settle(held)
        return self._authentication.check(held)

    async def settle(self, held: Held) -> None:
        """Have a login looked at again if that is due; come back when that is done, or takes too long."""
        await self._rechecks.settle(held)

    def is_due(self, held: Held) -> bool:
        """Whether `settle` would have something to do."""
        return self._rechecks.is_due(held)

    def check(self, held: Held) -> Caller | None:
        """Who a login belongs to as far as is known. Raises unavailable."""
        return self._authentication.check(held)

    async def _redeem(self, text: str) -> Held:
        parsed = parse(text)
        # Looked for first: a stranger's guess costs no transaction.
        if parsed is None or not await self._bridge.read(lambda view: view.has_ticket(*parsed)):
            raise _unauthorized("the ticket does not hold")
        try:
            return await self._bridge.write(lambda tx: self._authentication.redeem(tx, *parsed))
        except Fault as fault:
            if fault.kind is not Kind.FORBIDDEN:
                raise
            raise _unauthorized("the ticket does not hold") from None

    async def _verify(self, request: Request, authorization: str) -> Caller:
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() not in {"basic", "bearer"} or not credentials or len(authorization) > _MAX_OCTETS:
            raise _unauthorized("authentication is by Basic or Bearer")
        # A client opens several connections at once; their first requests share one costly verification.
        key = (authorization, self._forwarding.address(request))
        pending = self._verifying.get(key)
        if pending is None:
            verify = self._authentication.verify
            body = self._bridge.read(lambda view: verify(view, *key), slow=True)
            pending = self._verifying[key] = asyncio.ensure_future(body)
            pending.add_done_callback(lambda _: self._verifying.pop(key, None))
        try:
            return await asyncio.shield(pending)
        except Fault as fault:
            if fault.kind is not Kind.FORBIDDEN:
                raise
            raise _unauthorized("the credentials are wrong", is_bearer=scheme.lower() == "bearer") from None


def _unauthorized(detail: str, *, is_bearer: bool = False) -> Problem:
    # RFC 9110 §15.5.2: "The server generating a 401 response MUST send a WWW-Authenticate header field".
    return Problem(401, detail, headers=(_BASIC, _BEARER_WRONG if is_bearer else _BEARER))
