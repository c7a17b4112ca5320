"""Brings commits to stable storage beside those that follow: one sync of the disk for all that ended during the last.

A commit is in the log, and seen by readers, before it is synced; nobody is told of it until then (docs/decisions).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from time import perf_counter
from typing import Generic, TypeVar

from pillarbox.net import observed

C = TypeVar("C")
DISK_REFUSED = 74  # a process's exit status: EX_IOERR of sysexits.h


def end_process() -> None:
    """End at once, as if killed: what is on the disk is whole, and the next start finds out what it is."""
    os._exit(DISK_REFUSED)


class Syncer(Generic[C]):
    """Calls `sync` in a thread of its own, and `settle` on the loop with each commit that it was for."""

    def __init__(self, sync: Callable[[], None], settle: Callable[[C], None], give_up: Callable[[], None]) -> None:
        self._sync, self._settle, self._give_up = sync, settle, give_up
        self._thread: Thread | None = None
        self._asked: SimpleQueue[asyncio.AbstractEventLoop | None] = SimpleQueue()
        self._waiting: list[C] = []
        self._going: list[C] = []

    @property
    def is_idle(self) -> bool:
        """Whether all that was added is settled."""
        return not (self._waiting or self._going)

    def add(self, commit: C) -> None:
        """Have a commit synced and settled; those before it first."""
        self._waiting.append(commit)
        self._start()

    def _start(self) -> None:
        if self._going or not self._waiting:
            return
        if self._thread is None:
            self._thread = Thread(target=self._work, name="pillarbox-sync", daemon=True)
            self._thread.start()
        self._going, self._waiting = self._waiting, []
        self._asked.put(asyncio.get_running_loop())

    def _work(self) -> None:
        # A thread with a queue: an executor's futures cost as much processor time as the sync itself.
        while (loop := self._asked.get()) is not None:
            began, error = perf_counter(), None
            try:
                self._sync()
            except BaseException as problem:  # noqa: BLE001 -- whatever it is, nothing is on stable storage
                error = problem
            observed.SYNC_SECONDS.observe(perf_counter() - began)
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._done, error)

    def _done(self, error: BaseException | None) -> None:
        if error is not None:
            # What readers have seen may be lost, and asking the disk again proves nothing: the kernel has dropped it.
            observed.SYNC_FAILED.log(error)
            self._give_up()
            return
        settled, self._going = self._going, []
        self._start()
        for commit in settled:
            self._settle(commit)

    def close(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._asked.put(None)
            self._thread.join()
