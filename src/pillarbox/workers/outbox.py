"""Releases held messages when they are due: sleeps until then, or until something is submitted (RFC 4865)."""

from __future__ import annotations

import asyncio
import contextlib

from pillarbox.datatypes.email_submission import EMAIL_SUBMISSION
from pillarbox.net.bridge import Bridge
from pillarbox.services.submission import HELD, Sender
from pillarbox.storage.store import Changed
from pillarbox.workers import observed

_LONGEST_SLEEP = 60.0  # seconds: a note of another process may have been lost
_AFTER_FAILURE = 5.0


class OutboxWorker:
    """One of these per server; two that wake at once find the work done, since each takes the write lock."""

    def __init__(self, bridge: Bridge, sender: Sender) -> None:
        self._bridge, self._sender = bridge, sender
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled."""
        loop = asyncio.get_running_loop()

        def listen(changed: Changed) -> None:
            # A commit may have been made by another thread.
            if any(EMAIL_SUBMISSION.name in types for types in changed.values()):
                loop.call_soon_threadsafe(self._woken.set)

        self._bridge.store.listeners.append(listen)
        try:
            while True:
                await self._sleep(await self.work())
        finally:
            self._bridge.store.listeners.remove(listen)

    async def work(self) -> float:
        """Release what is due; how many seconds there is nothing to do then."""
        observed.begin("outbox", self._bridge.store.ids)
        try:
            while True:
                self._woken.clear()
                at = await self._bridge.read(lambda view: view.next_entry_at(HELD))
                wait = _LONGEST_SLEEP if at is None else (at - self._bridge.store.clock.now_ms()) / 1000
                if wait > 0:
                    return min(wait, _LONGEST_SLEEP)
                await self._bridge.write(self._sender.send_due, slow=True)
        except Exception as error:  # noqa: BLE001 - the worker outlives whatever goes wrong once
            observed.FAILED.log(error, work="release held messages")
            return _AFTER_FAILURE

    async def _sleep(self, seconds: float) -> None:
        # Not wait_for: before Python 3.12, it swallows a cancellation that comes together with what it waits for.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
