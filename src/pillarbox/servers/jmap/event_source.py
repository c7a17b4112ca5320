"""The event source: tells a client that stays connected what has changed, as it changes (RFC 8620 §7.3)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

import msgspec

from pillarbox.core.account import Caller
from pillarbox.core.faults import Fault
from pillarbox.net.bridge import Bridge
from pillarbox.net.count import Seat
from pillarbox.net.feed import Subscription
from pillarbox.servers.http.answer import Header, Stream
from pillarbox.servers.http.authorization import Gate
from pillarbox.servers.http.problem import Problem
from pillarbox.servers.http.request import Request
from pillarbox.servers.jmap.concurrency import Concurrency
from pillarbox.servers.jmap.timing import Timing
from pillarbox.services.held import Held
from pillarbox.services.push_state import Position, PushedTypes, chosen, state_change

_HEADERS: tuple[Header, ...] = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),  # a proxy that gathers the stream would defeat it
)


class _Wish(msgspec.Struct, frozen=True):
    types: frozenset[str]
    close_after_state: bool
    ping: float  # 0 for none


class EventSourceResource:
    """Answers GET of the event source's address."""

    def __init__(self, gate: Gate, bridge: Bridge, pushed: PushedTypes, timing: Timing, counts: Seat) -> None:
        self._gate, self._bridge, self._pushed, self._timing = gate, bridge, pushed, timing
        self._concurrency = Concurrency("eventSource", bridge.store.limits.max_open_streams, counts)

    async def get(self, request: Request) -> Stream:
        """Open a stream, for an Authorization header or a ticket: a browser's EventSource sends no headers."""
        held = await self._gate.login(request, with_ticket=True)
        caller = held.login.caller
        wish = self._wish(request.query(), caller)
        self._concurrency.check(caller.account)
        return Stream(200, _HEADERS, self._events(request, held, wish))

    def _wish(self, query: dict[str, str], caller: Caller) -> _Wish:
        close_after = query.get("closeafter", "no")
        if close_after not in ("no", "state"):
            raise Problem(400, 'closeafter is "state" or "no"')
        interval = ping_interval(query.get("ping", "0"), self._timing)
        return _Wish(self._pushed.wanted(query.get("types", "*"), caller), close_after == "state", interval)

    async def _events(self, request: Request, held: Held, wish: _Wish) -> AsyncIterator[bytes]:
        caller = held.login.caller
        with self._concurrency.one(caller.account):
            # Subscribed before the states are read: what happens in between is found to be told, rather than lost.
            subscription = self._bridge.feed.subscribe(caller.accounts)
            try:
                present = await self._bridge.read(lambda view: self._pushed.present(view, caller))
                position = Position.of(present)
                # An event without data sets the last event id and is told to nobody (HTML, server-sent events).
                yield b": connected\nid: %b\n\n" % str(position).encode()
                missed = self._missed(request, present)
                if missed is not None and (data := state_change(missed, wish.types, caller.accounts)):
                    yield _state(data, position)
                    if wish.close_after_state:
                        return
                async with contextlib.aclosing(self._talk(held, wish, subscription, position)) as events:
                    async for event in events:
                        yield event
            finally:
                subscription.close()

    async def _talk(
        self, held: Held, wish: _Wish, subscription: Subscription, position: Position
    ) -> AsyncGenerator[bytes]:
        ping_at = _now() + wish.ping
        while True:
            left = max(ping_at - _now(), 0.0) if wish.ping else self._timing.recheck
            numbers = await subscription.next(min(left, self._timing.recheck))
            # Rights may have been taken away since; whoever may no longer ask is no longer told.
            try:
                caller = await self._gate.check_again(held)
            except Fault:
                return  # nobody knows whether they have been
            if caller is None or subscription.accounts != caller.accounts.keys():
                return  # the client comes back, and is told of what it may see now
            told = chosen(position.missed(numbers), wish.types, caller.accounts)
            if data := state_change(told, wish.types, caller.accounts):
                position.advance(told)
                yield _state(data, position)
                if wish.close_after_state:
                    return
                await asyncio.sleep(self._timing.gather)
            elif wish.ping and _now() >= ping_at:
                yield _ping(wish.ping)
            else:
                continue
            ping_at = _now() + wish.ping  # RFC 8620 §7.3: counted "since the previous event was sent"

    @staticmethod
    def _missed(request: Request, present: dict[str, dict[str, int]]) -> dict[str, dict[str, int]] | None:
        """What changed after the event that the client saw last; all there is when we cannot read its id."""
        last = request.header(b"last-event-id")
        if not last:
            return None
        seen = Position.parse(last)
        return seen.missed(present) if seen is not None else present


def ping_interval(asked: str, timing: Timing) -> float:
    """The seconds between pings, 0 for none. Raises a 400 problem for what is no number."""
    if not (asked.isascii() and asked.isdigit() and len(asked) < 10):
        raise Problem(400, "ping is a number of seconds")
    return min(max(int(asked), timing.ping_least), timing.ping_most) if int(asked) else 0


def _state(data: bytes, position: Position) -> bytes:
    return b"event: state\nid: %b\ndata: %b\n\n" % (str(position).encode(), data)


def _ping(seconds: float) -> bytes:
    # RFC 8620 §7.3: a ping "MUST NOT set a new event id", and its data tells the interval in use.
    return b'event: ping\ndata: {"interval":%d}\n\n' % seconds


def _now() -> float:
    return asyncio.get_running_loop().time()
