"""A forked process as its supervisor sees it, and the first and last steps of the process itself."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pillarbox.app import observed
from pillarbox.net.syncer import DISK_REFUSED
from pillarbox.storage.database import SyncError

HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


@dataclass(slots=True)
class Child:
    """One worker process."""

    pid: int
    seat: int
    generation: int
    has_duties: bool
    started_at: float
    ready_pipe: int
    is_ready: bool = False
    kill_at: float | None = None  # it was told to end, and is made to end then

    def end(self, kill_at: float) -> None:
        """Tell it to finish what it does."""
        self.kill_at = kill_at if self.kill_at is None else min(kill_at, self.kill_at)
        os.kill(self.pid, signal.SIGTERM)

    def drop(self) -> None:
        """Make it end now, whatever generation it was of."""
        self.generation = -1
        self.kill()

    def kill(self) -> None:
        """Make it end now."""
        self.kill_at = None
        os.kill(self.pid, signal.SIGKILL)


def fork(run: Callable[[Callable[[], None]], None], close: Iterable[int]) -> tuple[int, int]:
    """Fork a process that runs the function and ends; its id, and a pipe out of which a byte comes when it is ready.

    The function gets what says so. `close` are descriptors that are the supervisor's alone.
    """
    ready, write_end = os.pipe()
    # A signal that comes between the fork and the first steps must find neither process with the other's handlers.
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    try:
        pid = os.fork()
        if not pid:
            _live(run, (ready, *close), write_end)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    os.close(write_end)
    os.set_blocking(ready, False)
    return pid, ready


def _live(run: Callable[[Callable[[], None]], None], close: Iterable[int], write_end: int) -> None:
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # Ctrl-C reaches all processes of a terminal, and the supervisor decides what it means.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for descriptor in close:
            os.close(descriptor)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        run(lambda: _say_ready(write_end))
        code = 0
    except Exception as error:  # noqa: BLE001 -- it is told, and the supervisor sees the code
        observed.WORKER_FAILED.log(error)
        code = DISK_REFUSED if isinstance(error, SyncError) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # what the supervisor has open in its frames is not ours to close


def _say_ready(write_end: int) -> None:
    os.write(write_end, b"r")
    os.close(write_end)


def how_it_ended(status: int) -> str:
    """A wait status in words."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"exit code {code}"
    return f"signal {signal.Signals(-code).name}"
