"""Connections to other servers: with TLS as far as it is required, and kept a moment for the next message.

RFC 3207, RFC 7672 §2.2, RFC 8461 §5, RFC 8314 §3.3.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
from collections.abc import Callable
from datetime import UTC, datetime

from pillarbox.formats.tls_result import Result
from pillarbox.net.outbound_tls import OutboundTls
from pillarbox.net.smtp_client import SmtpConnection, Tls
from pillarbox.net.smtp_login import Untrusted
from pillarbox.net.smtp_stream import Endpoint
from pillarbox.services.transport_requirement import Level
from pillarbox.wire.smtp_client.conversation import Refused
from pillarbox.workers.relay.settings import RelaySettings
from pillarbox.workers.relay.tally import Session, Tally
from pillarbox.workers.relay.target import Target

_MOST_IDLE = 100
_Key = tuple[Target, str]


class Connector:
    """Connects, or takes a connection that has just been used for the same server under the same requirement."""

    def __init__(self, settings: RelaySettings, contexts: OutboundTls, tally: Tally) -> None:
        self._settings, self._contexts, self.tally = settings, contexts, tally
        self._idle: dict[_Key, list[tuple[SmtpConnection, asyncio.TimerHandle]]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._count = 0

    def take(self, target: Target, address: str) -> SmtpConnection | None:
        """A connection that waits for a message; None when there is none."""
        waiting = self._idle.get((target, address), [])
        while waiting:
            connection, timer = waiting.pop()
            timer.cancel()
            self._count -= 1
            if not waiting:
                del self._idle[target, address]
            if connection.is_usable:
                return connection
            connection.abort()
        return None

    def give_back(self, target: Target, address: str, connection: SmtpConnection) -> None:
        """Keep a connection for a few seconds if it is good for another message."""
        if not connection.is_usable or self._count >= _MOST_IDLE or not self._settings.idle_seconds:
            self._leave(connection)
            return
        key = (target, address)
        timer = asyncio.get_running_loop().call_later(self._settings.idle_seconds, self._expire, key, connection)
        self._idle.setdefault(key, []).append((connection, timer))
        self._count += 1

    def _expire(self, key: _Key, connection: SmtpConnection) -> None:
        left = [one for one in self._idle.get(key, []) if one[0] is not connection]
        self._count -= len(self._idle.pop(key, [])) - len(left)
        if left:
            self._idle[key] = left
        self._leave(connection)

    def _leave(self, connection: SmtpConnection) -> None:
        task = asyncio.get_running_loop().create_task(connection.leave())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """End all connections that wait."""
        for waiting in self._idle.values():
            for connection, timer in waiting:
                timer.cancel()
                connection.abort()
        self._idle.clear()
        self._count = 0
        for task in self._leaving:
            task.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)

    async def open(self, target: Target, address: str, ends_at: float = math.inf) -> SmtpConnection:
        """A new connection that satisfies the target's requirement. Raises Dropped, Refused, Untrusted.

        What is under way at `ends_at`, by the loop's clock, is given up.
        """
        requirement = target.requirement
        try:
            connection = await self._open(target, address, ends_at, checks=True)
        except Untrusted as error:
            self._note(target, address, error.result)
            if requirement.needs_tls or target.is_tls_first:
                raise
            # Whoever can break TLS could take it away altogether: without a policy that forbids it, mail goes on.
            try:
                connection = await self._open(target, address, ends_at, checks=False)
            except Untrusted:
                connection = await self._open(target, address, ends_at, checks=False, wants_tls=False)
        else:
            if connection.tls is not None:
                self._note(target, address, None)
        try:
            if target.login is not None:
                await connection.log_in(target.login)
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _open(
        self, target: Target, address: str, ends_at: float, *, checks: bool, wants_tls: bool = True
    ) -> SmtpConnection:
        requirement, settings = target.requirement, self._settings
        endpoint = Endpoint(address, target.port, self._source(address), target.is_lmtp, settings.connect_seconds)
        authorities = checks and requirement.is_checked_by_authorities
        tls = Tls(
            requirement.server_name or target.name,
            self._contexts.context(is_checked=authorities),
            _judge(target) if checks else lambda _chain: None,
        )
        first = tls if target.is_tls_first else None
        connection = await SmtpConnection.open(
            endpoint, settings.hostname, tls=first, timeouts=settings.timeouts, ends_at=ends_at
        )
        try:
            if first is None and wants_tls:
                await self._start_tls(connection, target, tls, checks=checks)
        except Refused as refused:
            connection.abort()
            raise Untrusted(f"STARTTLS was refused: {refused}", Result.STARTTLS_NOT_SUPPORTED) from None
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _start_tls(self, connection: SmtpConnection, target: Target, tls: Tls, *, checks: bool) -> None:
        if "STARTTLS" in connection.offered:
            await connection.start_tls(tls)
        elif target.requirement.needs_tls:
            raise Untrusted("the server does not offer TLS, which is required", Result.STARTTLS_NOT_SUPPORTED)
        elif checks and target.requirement.level is not Level.OPPORTUNISTIC:
            self._note(target, tls.name, Result.STARTTLS_NOT_SUPPORTED)

    def _source(self, address: str) -> str | None:
        if not self._settings.source_addresses or address.startswith("/"):
            return None
        version = ipaddress.ip_address(address).version
        given = (text for text in self._settings.source_addresses if ipaddress.ip_address(text).version == version)
        return next(given, None)

    def _note(self, target: Target, address: str, result: Result | None) -> None:
        if target.policy_domain:
            session = Session(target.policy_domain, target.requirement.source, target.name, address, result)
            self.tally.count(session)


def _judge(target: Target) -> Callable[[tuple[bytes, ...]], Result | None]:
    return lambda chain: target.requirement.check(chain, datetime.now(UTC))
