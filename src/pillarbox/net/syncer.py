"""Brings commits to stable storage beside those that follow: one sync of the disk for all that ended during the last.

A commit is in the log, and seen by readers, before it is synced; nobody is told of it until then (docs/decisions).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pillarbox-sync")
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
        self._going, self._waiting = self._waiting, []
        task = asyncio.get_running_loop().run_in_executor(self._thread, self._timed)
        task.add_done_callback(self._done)

    def _timed(self) -> None:
        began = perf_counter()
        self._sync()
        observed.SYNC_SECONDS.observe(perf_counter() - began)

    def _done(self, task: asyncio.Future[None]) -> None:
        if (error := task.exception()) is not None:
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
        self._thread.shutdown(wait=True)
