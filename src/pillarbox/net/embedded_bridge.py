"""The bridge to the embedded store: reads and write bodies on the event loop, commits in groups.

A read runs on the loop itself under a budget of a few milliseconds, since a hop to a thread costs as much as the query
it would carry; past the budget, or when it is known to be slow, it runs in a small pool. Write bodies run on the loop
too, one after the other in an open transaction. The commit is made in a thread, and bodies that arrive meanwhile share
the next one; the sync of the disk is waited for in another thread, while that next commit is made (docs/decisions).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any, TypeVar

from pillarbox.core.faults import Fault, Kind
from pillarbox.core.slow import spend
from pillarbox.net import observed
from pillarbox.net.bridge import Bridge
from pillarbox.net.syncer import Syncer, end_process
from pillarbox.net.timing import WriteBody, timed_commit
from pillarbox.storage.database import BudgetExceeded
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.store import Changed
from pillarbox.storage.transaction import Transaction

T = TypeVar("T")
Done = list[tuple[asyncio.Future[Any], Any]]  # who waits, and for which result
_READ_BUDGET = 0.004  # seconds inside the database
_GATHER = 0.0004  # seconds that a commit waits for company when the last one had some
_SPLIT_FROM = 6  # writers in one commit
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
        self._open = False
        self._busy = False
        self._company = False
        self._commits = self._next_checkpoint = 0
        self._writers = self._most_writers = 0

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

    async def write(self, body: Callable[[Transaction], T], *, slow: bool = False) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        told = WriteBody(body)
        self._waiting.append((told, future, slow))
        self._writers += 1
        self._most_writers = max(self._most_writers, self._writers)
        try:
            self._go_on()
            return await future
        except Fault as fault:
            if fault.kind is Kind.UNAVAILABLE:
                observed.WRITE_LOST.log()
            raise
        finally:
            self._writers -= 1
            told.finish()

    def _go_on(self) -> None:
        if self._busy or not self._waiting:
            return
        if self._waiting[0][2]:
            self._start(self._run_slow, self._waiting.pop(0))
            return
        if not self._open:
            try:
                begun = self.store.writer.try_begin()
            except Exception as error:  # noqa: BLE001 -- whatever it is, the others must not suffer
                self._refuse_waiting(error)
                return
            if not begun:
                self._start(self._begin)
                return
            self._open = True
            asyncio.get_running_loop().call_later(_GATHER if self._company else 0, self._commit)
        while self._waiting and not self._waiting[0][2]:
            body, future, _ = self._waiting.pop(0)
            self._run_body(body, future)
        # With many writers, half of them go first: while the disk is busy with these, the others' work is done.
        if self._open and len(self._done) >= max(_SPLIT_FROM, self._most_writers // 2):
            self._commit()

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
                future.set_exception(_unavailable())

    def _commit(self) -> None:
        if self._busy or not self._open:  # a slow body was in a hurry and had it committed
            return
        self._open = False
        self._start(self._commit_in_thread)

    def _start(self, work: Callable[..., Changed | None], *arguments: Any) -> None:
        """Give the writer to the committing thread until it is done."""
        if self._open:
            # A slow body came while a transaction is open: commit that first.
            self._waiting.insert(0, arguments[0])
            self._open, work, arguments = False, self._commit_in_thread, ()
        self._busy = True
        task = asyncio.get_running_loop().run_in_executor(self._committer, work, *arguments)
        task.add_done_callback(self._finished)

    def _begin(self) -> None:
        self.store.writer.begin()
        self._open = True

    def _commit_in_thread(self) -> Changed:
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
        done, error = self._done, task.exception()
        if self._open and error is None:  # only the lock was waited for
            asyncio.get_running_loop().call_soon(self._commit)
            self._go_on()
            return
        self._done, self._open = [], False
        if error is not None and not done:  # what waits would meet the same again, at once and without end
            self._refuse_waiting(error)
        elif error is not None:
            observed.COMMITS_FAILED.count()
            observed.COMMIT_FAILED.log(error, writers=len(done))
        if error is None:
            self._syncer.add((done, task.result() or {}))
        else:
            for future, _ in done:
                if not future.cancelled():
                    future.set_exception(_unavailable())
        self._company, self._most_writers = len(done) > 1, self._writers
        asyncio.get_running_loop().call_soon(self._go_on)

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

    def _committed(self, changed: Changed) -> None:
        self._tell(changed)
        self._commits += 1
        if self.store.writer.log_is_long and self._commits >= self._next_checkpoint:
            self._next_checkpoint = self._commits + _CHECKPOINT_PAUSE
            self._pool.submit(self._checkpoint)

    def _checkpoint(self) -> None:
        self.store.checkpoint()
        self.store.writer.restart_log = True

    async def close(self) -> None:
        while self._busy or self._open or self._waiting or not self._syncer.is_idle:  # noqa: ASYNC110 -- once, at the end of the process
            await asyncio.sleep(0.005)
        await super().close()
        self._committer.shutdown(wait=True)
        self._syncer.close()


def _unavailable() -> Fault:
    return Fault(Kind.UNAVAILABLE, "the store could not write; nothing was changed")
