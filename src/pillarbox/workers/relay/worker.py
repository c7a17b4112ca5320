"""Takes from the queue what is due, and has it sent; several nodes may do so side by side.

What is under way is leased: a lease is renewed for as long as we live, and what a killed process held is due again when
its lease ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Sequence

from pillarbox.net.bridge import Bridge
from pillarbox.services.overdue import next_deadline, overdue, see_to, see_to_deadlines
from pillarbox.services.queue import QUEUES, lane_now, throttling
from pillarbox.services.relay import Concluded, Result, conclude, redirect
from pillarbox.storage import lane, lane_wait, throttle
from pillarbox.storage.lane import Claim, Claimer
from pillarbox.storage.lane_entry import lane_of
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.store import Changed
from pillarbox.storage.transaction import Transaction
from pillarbox.workers import observed as workers_observed
from pillarbox.workers.relay import observed
from pillarbox.workers.relay.attempt import Attempt, Attempts
from pillarbox.workers.relay.lease import Lease
from pillarbox.workers.relay.settings import RelaySettings

_LONGEST_SLEEP = 1.0  # seconds: nobody tells of what other nodes queue
_SHORTEST_SLEEP = 0.01
_PAUSE = 0.02  # seconds: most commits queue nothing, so that not every one of many is followed by a look
_AFTER_FAILURE = 5.0
_AT_ONCE = 20  # claims in a transaction
_REBUILD_SECONDS = 600.0
_CONCLUSIONS = 5


class RelayWorker:
    """One of these in a process that relays."""

    def __init__(self, bridge: Bridge, settings: RelaySettings, attempts: Attempts) -> None:
        self._bridge, self._settings, self._attempts = bridge, settings, attempts
        held_by = throttling(settings.throttles)
        self._claimer = Claimer(secrets.token_hex(6), int(settings.lease_seconds * 1000), throttling=held_by)
        self._running: dict[str, set[asyncio.Task[None]]] = {queue: set() for queue in QUEUES}
        self._woken = asyncio.Event()
        self._looked_at = self._rebuild_at = 0.0
        self._wakes_at: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Work until cancelled; what is under way then may still come to its end, for a few seconds."""
        loop = asyncio.get_running_loop()

        def listen(_changed: Changed) -> None:
            if self._wakes_at is None:  # else there is a look to come that sees this commit
                loop.call_soon_threadsafe(self._wake_soon)  # a commit may have been made by another thread

        self._bridge.store.listeners.append(listen)
        try:
            while True:
                await self._sleep(await self.work())
        finally:
            self._bridge.store.listeners.remove(listen)
            await self.stop()

    def _wake_soon(self) -> None:
        """Have a look at the queue: now, unless the last one was a moment ago."""
        loop = asyncio.get_running_loop()
        if self._wakes_at is None:
            self._wakes_at = loop.call_at(max(loop.time(), self._looked_at + _PAUSE), self._wake)

    def _wake(self) -> None:
        self._wakes_at = None
        self._woken.set()

    async def stop(self) -> None:
        """Let what is under way end, and then end it."""
        tasks = [task for running in self._running.values() for task in running]
        if tasks:
            await asyncio.wait(tasks, timeout=self._settings.stop_seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._attempts.close()

    async def drain(self) -> None:
        """Work until nothing is due and nothing under way."""
        # What has ended since the look began may have made room for what was not due then.
        while await self.work() <= _SHORTEST_SLEEP or self._woken.is_set() or any(self._running.values()):
            if tasks := [task for running in self._running.values() for task in running]:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)

    async def work(self) -> float:
        """Begin what can be begun now; how many seconds there is nothing to do then."""
        workers_observed.begin("relay", self._bridge.store.ids)
        self._woken.clear()
        try:
            now = self._looked_at = asyncio.get_running_loop().time()
            if now >= self._rebuild_at:
                is_first = not self._rebuild_at
                await self._bridge.write(lambda tx: _look_through(tx, is_first=is_first), slow=True)
                self._rebuild_at = now + _REBUILD_SECONDS
                await self._see_to_overdue()
            if (at := await self._next_at()) is not None and at <= self._bridge.store.clock.now_ms():
                await self._see_to_deadlines()
                await self._wake_throttled()
                for queue in QUEUES:
                    await self._begin(queue)
                at = await self._next_at()
        except Exception as error:  # noqa: BLE001 - the worker outlives whatever goes wrong once
            workers_observed.FAILED.log(error, work="take mail from the queue")
            return _AFTER_FAILURE
        wait = _LONGEST_SLEEP if at is None else (at - self._bridge.store.clock.now_ms()) / 1000
        return min(max(wait, _SHORTEST_SLEEP), _LONGEST_SLEEP)

    async def _wake_throttled(self) -> None:
        """Let those go on that wait for a throttle which has room again."""
        if not self._settings.throttles:
            return
        at = await self._bridge.read(lambda view: throttle.next_at(view.db))
        if at is not None and at <= self._bridge.store.clock.now_ms():
            await self._bridge.write(lambda tx: throttle.wake(tx.db, QUEUES, tx.now_ms))

    async def _see_to_overdue(self) -> None:
        """Return what throttles have kept for too long, and tell of what is late."""
        settings = self._settings
        while settings.throttles:
            found = await self._bridge.read(lambda view: overdue(view, settings.schedule), slow=True)
            if not found:
                return
            given_up, told = await self._bridge.write(
                lambda tx: see_to(tx, found, settings.schedule, settings.hostname),  # noqa: B023
                slow=True,
            )
            if not given_up + told:
                return
            observed.OVERDUE.log(given_up=given_up, told=told)
            observed.RECIPIENTS.add(given_up, "failed")

    async def _see_to_deadlines(self) -> None:
        """Return what is not delivered by the time that its sender has set, or tell of it, although it is not tried."""
        settings = self._settings
        at = await self._bridge.read(next_deadline)
        if at is None or at > self._bridge.store.clock.now_ms():
            return
        given_up, told = await self._bridge.write(
            lambda tx: see_to_deadlines(tx, settings.schedule, settings.hostname), slow=True
        )
        if given_up + told:
            observed.LATE.log(given_up=given_up, told=told)
            observed.RECIPIENTS.add(given_up, "failed")

    async def _next_at(self) -> int | None:
        """When something is due next in a queue that has room for it."""
        free = [queue for queue in QUEUES if len(self._running[queue]) < self._settings.concurrency]
        is_throttled = bool(self._settings.throttles)
        return await self._bridge.read(lambda view: _next_at(view, free, is_throttled=is_throttled))

    async def _begin(self, queue: str) -> None:
        while (free := self._settings.concurrency - len(self._running[queue])) > 0:
            at = await self._bridge.read(lambda view: lane.next_at(view.db, queue))
            if at is None or at > self._bridge.store.clock.now_ms():
                return
            most, asked_at = min(free, _AT_ONCE), asyncio.get_running_loop().time()
            claims = await self._bridge.write(lambda tx, most=most: self._claim(tx, queue, most))  # type: ignore[misc]
            for claim in claims:
                task = asyncio.get_running_loop().create_task(self._deliver(claim, asked_at))
                self._running[queue].add(task)
                task.add_done_callback(self._running[queue].discard)
                task.add_done_callback(lambda _task: self._woken.set())
            if len(claims) < most:
                return

    def _claim(self, tx: Transaction, queue: str, most: int) -> list[Claim]:
        claims: list[Claim] = []
        while len(claims) < most:
            lease = tx.id_source.new("l")
            found = lane.claim(tx.db, queue, tx.now_ms, self._claimer, lease, lambda _: self._settings.per_destination)
            if found is None:
                break
            claims.append(found)
        return claims

    async def _deliver(self, claim: Claim, asked_at: float) -> None:
        lease = Lease(self._bridge, claim, self._settings.lease_seconds, asked_at)
        keeper = asyncio.get_running_loop().create_task(lease.keep())
        try:
            if not await self._redirected(claim):
                await self._conclude(claim, await self._attempt(claim, lease))
        finally:
            keeper.cancel()

    async def _redirected(self, claim: Claim) -> bool:
        """Send nothing that waits where other routes, of other settings, would have it; whether it is so."""
        lanes = [lane_now(self._settings.routes, self._settings.throttles, entry) for entry in claim.entries]
        if all(to == lane_of(entry) for to, entry in zip(lanes, claim.entries, strict=True)):
            return False
        # By the account, as conclusions: where writers run side by side, those of one share transactions.
        await self._bridge.write(lambda tx: redirect(tx, claim, lanes), account=claim.entries[0].account)
        return True

    async def _attempt(self, claim: Claim, lease: Lease) -> Attempt:
        try:
            return await self._attempts.make(claim, lease.is_ours)
        except Exception as error:  # noqa: BLE001 -- one message that cannot go must not hold up the others
            observed.NOT_SENT.log(error, destination=claim.entries[0].destination)
            return Attempt([Result("later", "451 4.3.0 this server met an error of its own")] * len(claim.entries))

    async def _conclude(self, claim: Claim, attempt: Attempt) -> None:
        """Write down what became of it. It was sent, so that this must not fail for what can be left out."""
        settings, entry = self._settings, claim.entries[0]
        for number in range(_CONCLUSIONS):
            is_plain = number >= 2

            def body(tx: Transaction, is_plain: bool = is_plain) -> Concluded:  # noqa: FBT001
                results = attempt.results
                return conclude(
                    tx, claim, results, settings.schedule, settings.hostname, down=attempt.down, is_plain=is_plain
                )

            try:
                done = await self._bridge.write(body, account=entry.account)
            except Exception as error:  # noqa: BLE001 -- see above
                observed.NOT_CONCLUDED.log(error, destination=entry.destination)
                await asyncio.sleep(min(2**number, self._settings.lease_seconds / 4))
                continue
            observed.tell(entry, attempt, done)
            return

    async def _sleep(self, seconds: float) -> None:
        # Not wait_for: before Python 3.12, it swallows a cancellation that comes together with what it waits for.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()


def _next_at(view: Snapshot, queues: Sequence[str], *, is_throttled: bool) -> int | None:
    times = [lane.next_at(view.db, queue) for queue in queues]
    times += [throttle.next_at(view.db)] if is_throttled else []
    times.append(next_deadline(view))
    return min((at for at in times if at is not None), default=None)


def _look_through(tx: Transaction, *, is_first: bool) -> None:
    """See to it that nothing is forgotten; at the start also what waits for what another configuration has."""
    if is_first:
        lane_wait.wake_all(tx.db, tx.now_ms)
    lane.rebuild(tx.db)
    throttle.tidy(tx.db, tx.now_ms)
