"""The event source: tells a client that stays connected what has changed, as it changes (RFC 8620 §7.3)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

import msgspec

from pillarbox.core.account import Caller
from pillarbox.core.faults import Fault
from pillarbox.net.bridge import Bridge
from pillarbox.net.feed import Subscription
from pillarbox.servers.http.answer import Header, Stream
from pillarbox.servers.http.authorization import Gate
from pillarbox.servers.http.problem import Problem
from pillarbox.servers.http.request import Request
from pillarbox.servers.jmap.concurrency import Concurrency
from pillarbox.services.push_state import Position, PushedTypes, state_change

_HEADERS: tuple[Header, ...] = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),  # a proxy that gathers the stream would defeat it
)
_MAX_STREAMS = 100  # of one account at a time


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds. RFC 8620 §7.3: no minimum above 30 and no maximum below 300 for pings."""

    ping_least: float = 5
    ping_most: float = 900
    gather: float = 0.1  # between two events of a stream, so that a busy account is told of in few


class _Wish(msgspec.Struct, frozen=True):
    types: frozenset[str]
    close_after_state: bool
    ping: float  # 0 for none


class EventSourceResource:
    """Answers GET of the event source's address."""

    def __init__(self, gate: Gate, bridge: Bridge, pushed: PushedTypes, timing: Timing) -> None:
        self._gate, self._bridge, self._pushed, self._timing = gate, bridge, pushed, timing
        self._concurrency = Concurrency("eventSource", _MAX_STREAMS)

    async def get(self, request: Request) -> Stream:
        """Open a stream."""
        caller = await self._gate.caller(request)
        wish = self._wish(request.query(), caller)
        self._concurrency.check(caller.account)
        return Stream(200, _HEADERS, self._events(request, caller, wish))

    def _wish(self, query: dict[str, str], caller: Caller) -> _Wish:
        close_after = query.get("closeafter", "no")
        if close_after not in ("no", "state"):
            raise Problem(400, 'closeafter is "state" or "no"')
        interval = ping_interval(query.get("ping", "0"), self._timing)
        return _Wish(self._pushed.wanted(query.get("types", "*"), caller), close_after == "state", interval)

    async def _events(self, request: Request, caller: Caller, wish: _Wish) -> AsyncIterator[bytes]:
        with self._concurrency.one(caller.account):
            # Subscribed before the states are read: what happens in between is told twice rather than never.
            subscription = self._bridge.feed.subscribe(caller.accounts)
            try:
                async with contextlib.aclosing(self._talk(request, caller, wish, subscription)) as events:
                    async for event in events:
                        yield event
            except (Problem, Fault):
                return  # the credentials no longer hold
            finally:
                subscription.close()

    async def _talk(
        self, request: Request, caller: Caller, wish: _Wish, subscription: Subscription
    ) -> AsyncGenerator[bytes]:
        present = await self._bridge.read(lambda view: self._pushed.present(view, caller))
        position = Position.of(present)
        # An event without data sets the last event id and is told to nobody (HTML, server-sent events).
        yield b": connected\nid: %b\n\n" % str(position).encode()
        missed = self._missed(request, present)
        if missed is not None and (data := state_change(missed, wish.types, caller.accounts)):
            yield _state(data, position)
            if wish.close_after_state:
                return
        while True:
            numbers = await subscription.next(wish.ping or None)
            if not numbers:
                yield _ping(wish.ping)
                continue
            # Rights may have been taken away since; whoever may no longer ask is no longer told.
            caller = await self._gate.caller(request)
            if subscription.accounts != caller.accounts.keys():
                return  # the client comes back, and is told of what it may see now
            position.advance(numbers)
            data = state_change(numbers, wish.types, caller.accounts)
            if data is None:
                continue
            yield _state(data, position)
            if wish.close_after_state:
                return
            await asyncio.sleep(self._timing.gather)

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
