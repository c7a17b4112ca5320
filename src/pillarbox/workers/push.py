"""Tells push subscriptions what has changed: gathered, not too often, and again when a push service was not there.

What is owed is kept in memory: after a restart, the next change is told again, and clients find out by themselves what
they missed (RFC 8620 §7: "It doesn't matter if some push events are dropped"). RFC 8620 §7.2.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.admin.domain import DOMAIN
from pillarbox.datatypes.app_password import APP_PASSWORD
from pillarbox.datatypes.declare import DataType
from pillarbox.datatypes.push_subscription import PUSH_SUBSCRIPTION
from pillarbox.net.bridge import Bridge
from pillarbox.services import push
from pillarbox.services.push_state import PushedTypes
from pillarbox.storage.store import Changed
from pillarbox.workers import observed
from pillarbox.workers.push_line import Allowance, Line, PushTiming
from pillarbox.workers.push_request import PushSender, Verdict

_AFTER_FAILURE = 5.0
_OWN_TYPES = frozenset({PUSH_SUBSCRIPTION.name, APP_PASSWORD.name})
_RIGHTS_TYPES = frozenset({ACCOUNT.name, DOMAIN.name})


class PushWorker:
    """One of these for all processes of an installation: each change is told once."""

    _loop: asyncio.AbstractEventLoop

    def __init__(
        self, bridge: Bridge, sender: PushSender, types: Iterable[DataType[Any]], timing: PushTiming | None = None
    ) -> None:
        self._bridge, self._sender, self._timing = bridge, sender, timing or PushTiming()
        self._pushed = PushedTypes(types)
        self._lines: dict[str, dict[str, Line]] = {}  # owner -> id
        self._heard: dict[str, set[Line]] = {}  # account -> the lines that are told of it
        self._stale: set[str] = set()  # owners to be looked at anew
        self._queue: list[tuple[float, int, Line]] = []
        self._order = itertools.count()
        self._running: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._greetings = Allowance(self._timing.greetings, self._timing.greeting_pause)
        self._woken = asyncio.Event()
        self._next_sweep = 0.0
        self._rights_due = math.inf

    async def run(self) -> None:
        """Work until cancelled."""
        self._loop = asyncio.get_running_loop()
        self._bridge.store.listeners.append(self._listen)
        try:
            while True:
                await self._sleep(await self._work())
        finally:
            self._bridge.store.listeners.remove(self._listen)
            self._bridge.feed.heed(self, ())
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- hearing

    def _listen(self, changed: Changed) -> None:
        """Called after each commit, also by other threads."""
        if any(account in self._heard or _OWN_TYPES & types.keys() for account, types in changed.items()) or (
            DIRECTORY in changed
        ):
            self._loop.call_soon_threadsafe(self._note, changed)

    def _note(self, changed: Changed) -> None:
        for account, types in changed.items():
            if _OWN_TYPES & types.keys():
                self._stale.add(account)
            for line in self._heard.get(account, ()):
                line.add(account, types)
                self._schedule(line)
        directory = changed.get(DIRECTORY, {}).keys()
        if _RIGHTS_TYPES & directory:
            # Rights that were taken away hold at once, since they are asked for with each message.
            self._rights_due = min(self._rights_due, self._loop.time() + self._timing.rights)
        self._woken.set()

    # --- what there is to do

    async def _work(self) -> float:
        """Do what can be done now; how many seconds there is nothing to do then."""
        self._woken.clear()
        now = self._loop.time()
        try:
            at_start = self._next_sweep == 0.0
            if now >= self._next_sweep:
                self._stale |= {*self._lines, *await self._bridge.read(push.owners, slow=True)}
                self._greetings.tidy(now)
                self._next_sweep = now + self._timing.sweep
            if now >= self._rights_due:
                self._stale |= self._lines.keys()
                self._rights_due = math.inf
            while self._stale:
                await self._look_at(self._stale.pop(), at_start=at_start)
                await asyncio.sleep(0)
        except Exception as error:  # noqa: BLE001 -- the worker outlives whatever goes wrong once
            observed.FAILED.log(error, work="read push subscriptions")
            self._next_sweep = now  # whatever was missed is looked at then
            return _AFTER_FAILURE
        self._start_due()
        return self._wait()

    async def _look_at(self, owner: str, *, at_start: bool) -> None:
        """Bring the lines of an account in step with what is stored."""
        found, gone = await self._bridge.read(lambda view: push.standing(view, owner, self._pushed))
        if gone:
            await self._bridge.write(lambda tx: push.destroy(tx, owner, gone))
        lines = self._lines.pop(owner, {})
        for line in lines.values():
            self._unhear(line)
        kept: dict[str, Line] = {}
        for one in found:
            id = one.subscription.id
            line = kept[id] = lines.pop(id) if id in lines else Line(owner, id, self._timing)
            greeted = one.subscription.is_verified or one.subscription.was_greeted or line.was_greeted
            line.needs_greeting = not greeted
            was_deaf, line.accounts = not line.accounts, one.accounts
            if was_deaf and line.accounts and not at_start:
                line.add(owner, one.missed)
            for account in line.accounts:
                self._heard.setdefault(account, set()).add(line)
            self._schedule(line)
        for line in lines.values():
            line.is_gone = True
        if kept:
            self._lines[owner] = kept
        self._bridge.feed.heed(self, self._heard)

    def _unhear(self, line: Line) -> None:
        for account in line.accounts:
            others = self._heard.get(account, set())
            others.discard(line)
            if not others:
                self._heard.pop(account, None)

    # --- when

    def _schedule(self, line: Line) -> None:
        if line.is_busy or line.is_gone or not line.has_work:
            return
        pause = 0.0 if line.needs_greeting else self._timing.gather
        due = max(self._loop.time() + pause, line.not_before)
        if line.scheduled is None or due < line.scheduled:
            line.scheduled = due
            heapq.heappush(self._queue, (due, next(self._order), line))

    def _start_due(self) -> None:
        now = self._loop.time()
        while self._queue and self._queue[0][0] <= now and len(self._tasks) < self._timing.concurrency:
            due, _, line = heapq.heappop(self._queue)
            if line.scheduled != due or line.is_gone:
                continue  # it was put in again for an earlier time
            line.scheduled = None
            wait = self._hindrance(line, now)
            if wait:
                line.not_before = now + wait
                self._schedule(line)
                continue
            line.is_busy = True
            self._running[line.owner] += 1
            task = self._loop.create_task(self._serve(line))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _hindrance(self, line: Line, now: float) -> float:
        """How many seconds this one has to wait for others of its account."""
        if self._running[line.owner] >= self._timing.concurrency_of_one:
            return max(self._timing.gather, 0.01)
        return self._greetings.take(line.owner, now) if line.needs_greeting else 0.0

    def _wait(self) -> float:
        if len(self._tasks) >= self._timing.concurrency:
            return self._timing.sweep  # the end of one of them wakes us
        next_due = self._queue[0][0] if self._queue else math.inf
        return max(min(next_due, self._next_sweep, self._rights_due) - self._loop.time(), 0.0)

    async def _sleep(self, seconds: float) -> None:
        # Not wait_for: before Python 3.12, it swallows a cancellation that comes together with what it waits for.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()

    # --- sending

    async def _serve(self, line: Line) -> None:
        try:
            await self._push(line)
        except Exception as error:  # noqa: BLE001 -- one subscription must not end the others
            observed.FAILED.log(error, work="push")
            line.not_before = self._loop.time() + _AFTER_FAILURE
        finally:
            line.is_busy = False
            self._running[line.owner] -= 1
            if not self._running[line.owner]:
                del self._running[line.owner]
            self._schedule(line)
            self._woken.set()

    async def _push(self, line: Line) -> None:
        observed.begin("push", self._bridge.store.ids)
        numbers = line.take()
        message = await self._bridge.read(lambda view: push.owed(view, line.owner, line.id, numbers, self._pushed))
        if message is None:
            line.needs_greeting = False
            return
        for account, types in message.rest.items():
            line.add(account, types)
        outcome = await self._sender.send(message)
        if outcome.verdict is not Verdict.TAKEN:
            observed.PUSH_FAILED.log(account=line.owner, subscription=line.id, reason=outcome.reason)
        goes_on = line.follow(outcome, self._loop.time())
        if line.needs_greeting:
            # What was answered is never asked again before the client has confirmed; silence is, a few times.
            silent = outcome.verdict is Verdict.UNREACHED and line.failures < self._timing.greeting_attempts
            if not silent:
                line.needs_greeting, line.was_greeted = False, True  # what is read before the commit says otherwise
                await self._bridge.write(lambda tx: push.note_greeting(tx, line.owner, line.id))
        elif outcome.verdict is not Verdict.TAKEN:
            for account, types in numbers.items():
                line.add(account, types)
        if outcome.verdict is Verdict.GONE or not goes_on:
            observed.PUSH_ENDED.log(account=line.owner, subscription=line.id, reason=outcome.reason)
            line.is_gone = True
            await self._bridge.write(lambda tx: push.destroy(tx, line.owner, [line.id]))
