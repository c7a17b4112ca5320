"""The bridge to the embedded store: reads and write bodies on the event loop, commits in groups.

A read runs on the loop itself under a budget of a few milliseconds, since a hop to a thread costs as much as the query
it would carry; past the budget, or when it is known to be slow, it runs in a small pool. Write bodies run on the loop
too, one after the other in a transaction that is committed at once, or in a thread if there is much to index. The sync
of the disk is waited for in another thread; bodies that arrive meanwhile share the next commit (docs/decisions).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any, TypeVar

from pillarbox.core.slow import spend
from pillarbox.net import observed
from pillarbox.net.bridge import Bridge
from pillarbox.net.syncer import Syncer, end_process
from pillarbox.net.timing import WriteBody, timed_commit
from pillarbox.storage.database import BudgetExceeded
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.embedded_writer import unavailable
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.store import Changed
from pillarbox.storage.transaction import Transaction

T = TypeVar("T")
Done = list[tuple[asyncio.Future[Any], Any]]  # who waits, and for which result
_READ_BUDGET = 0.004  # seconds inside the database
_HOLD = 0.005  # seconds for which bodies are begun in one transaction
_TRY_AGAIN = 0.0003  # seconds until the lock of another process is tried again; uvloop makes it its next turn
_MOST_TRIES = 30  # before it is waited for in a thread, in a line with others: some ten are enough for a short body
_CHECKPOINT_PAUSE = 200  # commits between two checkpoints


class EmbeddedBridge(Bridge):
    """The bridge to SQLite."""

    store: EmbeddedStore

    def __init__(self, store: EmbeddedStore, *, threads: int = 4, give_up: Callable[[], None] = end_process) -> None:
        """`give_up` is called when the disk does not take what was committed; it should not come back."""
        super().__init__(store, threads=threads)
        self._syncer: Syncer[tuple[Done, Changed]] = Syncer(store.writer.sync, self._settle, give_up)
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="pillarbox-commit")
        self._waiting: list[tuple[Callable[[Transaction], Any], asyncio.Future[Any], bool]] = []
        self._done: Done = []
        self._planned = False  # `_go` will be called
        self._busy = False  # the committing thread has the writer
        self._open = False  # and has opened a transaction with it
        self._tries = 0
        self._commits = self._next_checkpoint = 0
        self._writers = 0

    # --- reading

    async def read(self, body: Callable[[Snapshot], T], *, slow: bool = False) -> T:
        if not slow:
            began = perf_counter()
            try:
                with self.store.snapshot(_READ_BUDGET) as view:
                    return body(view)
            except BudgetExceeded:
                pass
            finally:
                spend("read", began)
        observed.READS_MOVED.count("slow" if slow else "budget")
        return await self.run(self.store.read, body)

    # --- writing

    async def write(self, body: Callable[[Transaction], T], *, slow: bool = False, account: str | None = None) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with WriteBody(body) as told:
            self._waiting.append((told, future, slow))
            self._writers += 1
            try:
                self._plan()
                return await future
            finally:
                self._writers -= 1

    def _plan(self) -> None:
        """Have what waits run soon: while the disk is busy, only when it is half of all, so that commits are shared."""
        if self._planned or self._busy or not self._waiting:
            return
        if self._syncer.is_idle or 2 * len(self._waiting) >= self._writers:
            self._planned = True
            asyncio.get_running_loop().call_soon(self._go)

    def _go(self) -> None:
        self._planned = False
        if self._busy or not self._waiting:
            return
        if self._waiting[0][2]:
            self._start(self._run_slow, self._waiting.pop(0))
            return
        try:
            begun = self.store.writer.try_begin()
        except Exception as error:  # noqa: BLE001 -- whatever it is, the others must not suffer
            self._refuse_waiting(error)
            return
        if begun:
            self._run_bodies()
        elif self._tries < _MOST_TRIES:  # another process is at it, but not for long
            self._tries += 1
            self._planned = True
            asyncio.get_running_loop().call_later(_TRY_AGAIN, self._go)
        else:
            self._start(self._begin)

    def _run_bodies(self) -> None:
        """Run what waits in the open transaction, and commit: other processes wait for the lock meanwhile."""
        self._tries, until = 0, perf_counter() + _HOLD
        while self._waiting and not self._waiting[0][2] and perf_counter() < until:
            body, future, _ = self._waiting.pop(0)
            self._run_body(body, future)
        if not self.store.writer.is_light:
            self._start(self._append)
            return
        try:
            changed, problem = self._append(), None
        except Exception as error:  # noqa: BLE001 -- whatever it is, the others must not suffer
            changed, problem = {}, error
        self._ended(changed, problem)

    def _run_body(self, body: Callable[[Transaction], Any], future: asyncio.Future[Any]) -> None:
        if future.cancelled():
            return
        try:
            self._done.append((future, self.store.writer.run(body, hurried=True)))
        except BudgetExceeded:  # it needs a large blob, from a disk or a network: once more, in a thread
            self._waiting.insert(0, (body, future, True))
        except Exception as error:  # noqa: BLE001 -- whatever it is, the others must not suffer
            future.set_exception(error)

    def _refuse_waiting(self, error: BaseException) -> None:
        """Tell all that wait that the store cannot be written."""
        observed.STORE_UNWRITABLE.log(error)
        waiting, self._waiting = self._waiting, []
        for _, future, _ in waiting:
            if not future.cancelled():
                future.set_exception(unavailable())

    def _start(self, work: Callable[..., Changed | None], *arguments: Any) -> None:
        """Give the writer to the committing thread until it is done."""
        self._busy = True
        task = asyncio.get_running_loop().run_in_executor(self._committer, work, *arguments)
        task.add_done_callback(self._finished)

    def _begin(self) -> None:
        self.store.writer.begin()
        self._open = True

    def _append(self) -> Changed:
        return timed_commit(self.store.writer.append, len(self._done))

    def _run_slow(self, item: tuple[Callable[[Transaction], Any], asyncio.Future[Any], bool]) -> Changed:
        body, future, _ = item
        try:
            self.store.writer.begin()
        except Exception as error:
            self._done.append((future, error))
            raise
        try:
            self._done.append((future, self.store.writer.run(body)))
        except Exception as error:  # noqa: BLE001 -- whatever it is, the others must not suffer
            self._done.append((future, error))
        return timed_commit(self.store.writer.append, 1)

    def _finished(self, task: asyncio.Future[Changed | None]) -> None:
        self._busy = False
        error = task.exception()
        if self._open and error is None:  # only the lock was waited for
            self._open = False
            self._run_bodies()
            return
        self._open = False
        self._ended(task.result() or {} if error is None else {}, error)

    def _ended(self, changed: Changed, error: BaseException | None) -> None:
        """A transaction is over: it is in the log, or nothing of it is left."""
        done, self._done = self._done, []
        if error is None:
            if done:  # when every body was refused, there is nothing that the disk should keep
                self._syncer.add((done, changed))
        elif not done:  # what waits would meet the same again, at once and without end
            self._refuse_waiting(error)
        else:
            observed.COMMITS_FAILED.count()
            observed.COMMIT_FAILED.log(error, writers=len(done))
            for future, _ in done:
                if not future.cancelled():
                    future.set_exception(unavailable())
        self._plan()

    def _settle(self, commit: tuple[Done, Changed]) -> None:
        """Tell those who wait that their writes are on stable storage."""
        done, changed = commit
        for future, result in done:
            if future.cancelled():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
        self._committed(changed)
        asyncio.get_running_loop().call_soon(self._plan)  # after those who got their results have passed them on

    def _committed(self, changed: Changed) -> None:
        self._tell(changed)
        self._commits += 1
        if self.store.writer.log_is_long and self._commits >= self._next_checkpoint:
            self._next_checkpoint = self._commits + _CHECKPOINT_PAUSE
            self._pool.submit(self._checkpoint)

    def _checkpoint(self) -> None:
        try:
            self.store.checkpoint()
        except Exception as error:  # noqa: BLE001 -- nobody waits for it, and it is tried again after some commits
            observed.CHECKPOINT_FAILED.log(error)
            return
        self.store.writer.restart_log = True

    async def close(self) -> None:
        while self._busy or self._waiting or not self._syncer.is_idle:  # noqa: ASYNC110 -- once, at the end of the process
            await asyncio.sleep(0.005)
        await super().close()
        self._committer.shutdown(wait=True)
        self._syncer.close()
