"""The bridge from the event loop to the synchronous floors: the one place that decides where a function runs.

There is one for each engine: `EmbeddedBridge` reads on the loop itself and commits in groups, `PooledBridge` sends
everything to threads.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from time import perf_counter
from typing import Any, TypeVar

from pillarbox.net import observed
from pillarbox.net.announce import Announcer
from pillarbox.net.feed import ChangeFeed
from pillarbox.net.timing import in_pool
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.step import Read, Steps
from pillarbox.storage.store import Changed, Store
from pillarbox.storage.transaction import Transaction

T = TypeVar("T")
_CARRIERS = 8


class Bridge(ABC):
    """Runs bodies on a store from an event loop. One of these per store and process."""

    def __init__(self, store: Store, *, threads: int) -> None:
        self.store = store
        self.feed = ChangeFeed()
        self.announcers: list[Announcer] = []
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="pillarbox")
        self._carriers = ThreadPoolExecutor(_CARRIERS, thread_name_prefix="pillarbox-blob")

    @abstractmethod
    async def read(self, body: Callable[[Snapshot], T], *, slow: bool = False) -> T:
        """The body's result on a consistent snapshot."""

    @abstractmethod
    async def write(self, body: Callable[[Transaction], T], *, slow: bool = False, account: str | None = None) -> T:
        """The body's result, once what it wrote is on stable storage.

        `account`: the one that it changes, as far as is known; those of one account are run one after the other.
        """

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """A function that takes its time (hashing, parsing something large) in a thread."""
        asked, context = perf_counter(), copy_context()
        work = (context.run, in_pool, asked, function, *arguments)
        return await asyncio.get_running_loop().run_in_executor(self._pool, *work)

    async def carry(self, function: Callable[..., T], *arguments: Any) -> T:
        """A function that waits for large blobs, in threads of their own: a slow network must not stop all reading."""
        asked, context = perf_counter(), copy_context()
        work = (context.run, in_pool, asked, function, *arguments)
        return await asyncio.get_running_loop().run_in_executor(self._carriers, *work)

    @property
    def pool_queue(self) -> int:
        """How much work waits for a thread."""
        return self._pool._work_queue.qsize()  # noqa: SLF001 -- it tells nobody otherwise

    async def drive(self, steps: Steps) -> None:
        """Run a request's steps to their end."""
        send: Any = None
        error: BaseException | None = None
        while True:
            try:
                step = steps.throw(error) if error is not None else steps.send(send)
            except StopIteration:
                return
            send, error = None, None
            try:
                if isinstance(step, Read):
                    send = await self.read(step.body, slow=step.slow)
                else:
                    send = await self.write(step.body, slow=step.slow, account=step.account)
            except Exception as problem:  # noqa: BLE001 -- whatever it is, the others must not suffer
                error = problem

    def _tell(self, changed: Changed) -> None:
        if changed:
            observed.CHANGES.add(len(changed))
            self.heard(changed)
            for announcer in self.announcers:
                announcer.tell(changed)

    def heard(self, changed: Changed) -> None:
        """Tell everybody in this process what was committed, here or elsewhere. Call it on the event loop."""
        self.store.announce(changed)
        self.feed.publish(changed)

    async def close(self) -> None:
        """Finish what was begun; the store stays open."""
        self._pool.shutdown(wait=True)
        self._carriers.shutdown(wait=True)
