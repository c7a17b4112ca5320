"""The bridge to PostgreSQL: every body runs in a thread with a connection of its own, and waits there for the server.

Quick reads, writes and what is known to be slow have threads of their own: none of them can take all. Writes that are
known to be one account's share transactions while others of it are under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from time import perf_counter
from typing import Any, TypeVar

from pillarbox.net import observed
from pillarbox.net.account_line import AccountLine, Ended
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
        self._lines: dict[str, AccountLine] = {}  # accounts of which a body is run
        self._writers = ThreadPoolExecutor(max(2, threads - slow - quick), thread_name_prefix="pillarbox-write")

    async def read(self, body: Callable[[Snapshot], T], *, slow: bool = False) -> T:
        if not slow:
            try:
                return await self._in(self._readers, self.store.read, body, _READ_BUDGET)
            except BudgetExceeded:
                pass
        observed.READS_MOVED.count("slow" if slow else "budget")
        return await self.run(self.store.read, body)

    async def write(self, body: Callable[[Transaction], T], *, slow: bool = False, account: str | None = None) -> T:
        with WriteBody(body) as told:
            # Whoever asked may go away; what was begun is finished, and told.
            if account is not None and not slow:
                done: Any = await asyncio.shield(self._line_up(account, told))
                return done  # type: ignore[no-any-return]
            alone = self._in(self._pool if slow else self._writers, self.store.transact, told)
            alone.add_done_callback(self._committed)
            result, _ = await asyncio.shield(alone)
        return result  # type: ignore[no-any-return]

    def _line_up(self, account: str, body: Callable[[Transaction], Any]) -> asyncio.Future[Any]:
        line = self._lines.get(account)
        if line is not None:  # its bodies are being run
            return line.add(body)
        line = self._lines[account] = AccountLine()
        future = line.add(body)
        self._run_line(account, line)
        return future

    def _run_line(self, account: str, line: AccountLine) -> None:
        ended = self._in(self._writers, self.store.transact_all, line.take)
        ended.add_done_callback(lambda ended: self._line_ended(account, line, ended))

    def _line_ended(self, account: str, line: AccountLine, ended: Ended) -> None:
        line.settle(ended)
        if line:
            self._run_line(account, line)
        else:
            del self._lines[account]
        if ended.exception() is None:
            outcomes, _ = ended.result()
            observed.COMMIT_WRITERS.observe(len(outcomes))
        self._committed(ended)

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
        while self._lines:  # noqa: ASYNC110 -- once, at the end of the process
            await asyncio.sleep(0.005)
        await super().close()
        self._readers.shutdown(wait=True)
        self._writers.shutdown(wait=True)
