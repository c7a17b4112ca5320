"""The bridge to PostgreSQL: every body runs in a thread with a connection of its own, and waits there for the server.

Quick reads, writes and what is known to be slow have threads of their own: none of them can take all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from time import perf_counter
from typing import Any, TypeVar

from pillarbox.net import observed
from pillarbox.net.bridge import Bridge
from pillarbox.net.timing import WriteBody, in_pool
from pillarbox.storage.database import BudgetExceeded
from pillarbox.storage.postgresql.store import PostgresStore
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.store import Changed
from pillarbox.storage.transaction import Transaction

T = TypeVar("T")
_READ_BUDGET = 0.25  # seconds after which a read has to go on among the slow


class PooledBridge(Bridge):
    """The bridge to PostgreSQL."""

    store: PostgresStore

    def __init__(self, store: PostgresStore, *, threads: int = 16) -> None:
        """`threads` is how many connections this process uses at most, beside the one that listens."""
        slow = max(2, threads // 4)
        quick = max(2, (threads - slow) // 2)
        super().__init__(store, threads=slow)
        self._readers = ThreadPoolExecutor(quick, thread_name_prefix="pillarbox-read")
        self._writers = ThreadPoolExecutor(max(2, threads - slow - quick), thread_name_prefix="pillarbox-write")

    async def read(self, body: Callable[[Snapshot], T], *, slow: bool = False) -> T:
        if not slow:
            try:
                return await self._in(self._readers, self.store.read, body, _READ_BUDGET)
            except BudgetExceeded:
                pass
        observed.READS_MOVED.count("slow" if slow else "budget")
        return await self.run(self.store.read, body)

    async def write(self, body: Callable[[Transaction], T], *, slow: bool = False) -> T:
        with WriteBody(body) as told:
            done = self._in(self._pool if slow else self._writers, self.store.transact, told)
            done.add_done_callback(self._committed)
            # Whoever asked may go away; what was begun is finished, and told.
            result, _ = await asyncio.shield(done)
        return result  # type: ignore[no-any-return]

    def _committed(self, done: asyncio.Future[tuple[Any, Changed]]) -> None:
        if not done.cancelled() and done.exception() is None:
            self._tell(done.result()[1])

    def _in(self, pool: ThreadPoolExecutor, function: Callable[..., T], *arguments: Any) -> asyncio.Future[T]:
        work = (copy_context().run, in_pool, perf_counter(), function, *arguments)
        return asyncio.get_running_loop().run_in_executor(pool, *work)

    @property
    def pool_queue(self) -> int:
        return sum(pool._work_queue.qsize() for pool in (self._pool, self._readers, self._writers))  # noqa: SLF001

    async def close(self) -> None:
        await super().close()
        self._readers.shutdown(wait=True)
        self._writers.shutdown(wait=True)
