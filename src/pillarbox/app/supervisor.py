"""Keeps the processes that answer: forks them, replaces one that dies, passes them to new settings, and ends them.

It has no threads, no event loop and no connection to a store: what is forked begins afresh. docs/decisions.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator

from pillarbox.app import observed
from pillarbox.app.child import HANDLED, Child, fork, how_it_ended
from pillarbox.app.config.load import ConfigError
from pillarbox.app.config.reload import applicable
from pillarbox.app.config.settings import Settings
from pillarbox.app.listening import ServeError
from pillarbox.app.logs import set_up
from pillarbox.app.place import Commons, Place
from pillarbox.core.metric import REGISTRY
from pillarbox.net.observed import WORKER_RESTARTS
from pillarbox.net.syncer import DISK_REFUSED

Work = Callable[[Settings, Place, int, Callable[[], None]], None]  # settings, place, lifeline, what says "ready"
_YOUNG_SECONDS = 10  # who dies sooner may do so again and again
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 30.0
_FORK_AGAIN_SECONDS = 1.0
_KILL_AFTER = 5  # seconds after the time that a process has to end by itself


class Supervisor:
    """Some processes, of one generation but while new settings are taken on."""

    def __init__(
        self,
        settings: Settings,
        processes: int,
        work: Work,
        on_ready: Callable[[], None],
        reread: Callable[[], Settings] | None = None,
    ) -> None:
        """`work` is what a process does; `reread` reads the settings anew, and raises ConfigError."""
        self._settings, self._processes, self._work = settings, processes, work
        self._on_ready, self._reread = on_ready, reread
        self._commons = Commons.make(2 * processes)  # the generation that goes and the one that comes
        REGISTRY.share(self._commons.seats + 1)  # the first part is the supervisor's
        self._children: dict[int, Child] = {}
        self._generation = self._generation_before = self._newest = 0
        self._before: Settings | None = None  # what the generation before has, until the new one is ready
        self._missing: list[tuple[float, bool]] = []  # when to fork another, and whether it has the duties
        self._early_deaths = 0
        self._is_ready = self._is_stopping = self._wants_reload = False
        self._failed = False
        self._signals: list[int] = []
        self._selector = selectors.DefaultSelector()
        self._lifeline, self._lifeline_held = os.pipe()

    def run(self) -> None:
        """Work until SIGTERM or SIGINT, and until all processes have ended. Raises ServeError when none can start."""
        with self._hearing_signals():
            self._fork_generation()
            while self._children or not self._is_stopping:
                self._wait()
                self._reap()
                self._obey()
                self._look_at_time()
        self._selector.close()
        os.close(self._lifeline)
        os.close(self._lifeline_held)
        self._commons.mailboxes.close()
        if self._failed:
            raise ServeError("the server could not start; the log says why")

    # --- waiting

    @contextlib.contextmanager
    def _hearing_signals(self) -> Iterator[None]:
        read_end, write_end = os.pipe()
        for end in (read_end, write_end):
            os.set_blocking(end, False)
        before = {number: signal.signal(number, lambda n, _: self._signals.append(n)) for number in HANDLED}
        wakeup = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        self._selector.register(read_end, selectors.EVENT_READ)
        self._private = (read_end, write_end)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.unregister(read_end)
            os.close(read_end)
            os.close(write_end)

    def _wait(self) -> None:
        """Until a signal, a word from a process, or the time of something."""
        times = [child.kill_at for child in self._children.values() if child.kill_at is not None]
        times += [at for at, _ in self._missing]
        timeout = max(0.0, min(times) - time.monotonic()) if times else None
        for key, _ in self._selector.select(timeout):
            said = os.read(key.fd, 512)
            if isinstance(key.data, int):
                self._hear(key.data, said)

    def _hear(self, pid: int, said: bytes) -> None:
        child = self._children[pid]
        self._selector.unregister(child.ready_pipe)
        os.close(child.ready_pipe)
        child.ready_pipe = -1
        child.is_ready = bool(said)
        present = [c for c in self._children.values() if c.generation == self._generation]
        if said and len(present) == self._processes and all(c.is_ready for c in present):
            self._all_ready()

    def _all_ready(self) -> None:
        """The whole generation answers: the one before may go."""
        if not self._is_ready:
            self._is_ready = True
            observed.READY.log(processes=self._processes)
            self._on_ready()
        if self._before is not None:
            self._before = None
            set_up(self._settings.log)
            observed.RELOADED.log()
            self._end(lambda child: child.generation != self._generation)

    # --- beginning

    def _fork_generation(self) -> None:
        self._missing = [(time.monotonic(), number == 0) for number in range(self._processes)]

    def _fork_missing(self, now: float) -> None:
        for missing in [missing for missing in self._missing if missing[0] <= now]:
            self._missing.remove(missing)
            try:
                self._fork(has_duties=missing[1])
            except OSError as error:
                observed.NO_PROCESS.log(reason=error.strerror)
                self._missing.append((now + _FORK_AGAIN_SECONDS, missing[1]))

    def _fork(self, *, has_duties: bool) -> None:
        taken = {child.seat for child in self._children.values()}
        seat = next(seat for seat in range(self._commons.seats) if seat not in taken)
        place, settings = Place(self._commons, seat, has_duties), self._settings

        def run(say_ready: Callable[[], None]) -> None:
            REGISTRY.enter(seat + 1)
            self._work(settings, place, self._lifeline, say_ready)

        pipes = [child.ready_pipe for child in self._children.values() if child.ready_pipe >= 0]
        pid, ready = fork(run, (*self._private, self._lifeline_held, *pipes))
        self._children[pid] = Child(pid, seat, self._generation, has_duties, time.monotonic(), ready)
        self._selector.register(ready, selectors.EVENT_READ, pid)

    # --- ending

    def _end(self, which: Callable[[Child], bool], seconds: float | None = None) -> None:
        seconds = (
            self._settings.stop_seconds + self._settings.health.drain_seconds + _KILL_AFTER
            if seconds is None
            else seconds
        )
        for child in self._children.values():
            if which(child):
                child.end(time.monotonic() + seconds)

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            if pid in self._children:
                self._buried(self._children.pop(pid), status)

    def _buried(self, child: Child, status: int) -> None:
        if child.ready_pipe >= 0:
            self._selector.unregister(child.ready_pipe)
            os.close(child.ready_pipe)
        self._commons.clear(child.seat)
        REGISTRY.leave(child.seat + 1)
        if self._is_stopping or child.kill_at is not None or child.generation != self._generation:
            return
        if not child.is_ready and (not self._is_ready or self._before is not None):
            self._give_up(child, status)
            return
        is_young = time.monotonic() - child.started_at < _YOUNG_SECONDS
        self._early_deaths = self._early_deaths + 1 if is_young else 0
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (self._early_deaths - 1)) if is_young else 0.0
        WORKER_RESTARTS.count()
        REGISTRY.flush()
        observed.WORKER_DIED.log(worker=child.pid, how=how_it_ended(status))
        self._missing.append((time.monotonic() + wait, child.has_duties))
        if os.waitstatus_to_exitcode(status) == DISK_REFUSED:
            self._begin_anew(wait)

    def _begin_anew(self, wait: float) -> None:
        """A worker's disk did not take a commit that all may have seen: none goes on with what it knows."""
        observed.BEGIN_ANEW.log()
        for child in self._children.values():
            child.drop()
        # Not at once: the store has to be closed by all, and a disk that refuses is not asked without end.
        self._missing = [(time.monotonic() + max(wait, _FORK_AGAIN_SECONDS), n == 0) for n in range(self._processes)]

    def _give_up(self, child: Child, status: int) -> None:
        """A process of a generation that was never ready is dead: the settings are no good."""
        observed.WORKER_UNREADY.log(worker=child.pid, how=how_it_ended(status))
        if self._before is None:
            self._failed = True
            self._stop()
            return
        observed.RELOAD_FAILED.log()
        failed, self._generation = self._generation, self._generation_before
        self._settings, self._before = self._before, None
        self._end(lambda other: other.generation == failed, 0)
        present = [c for c in self._children.values() if c.generation == self._generation]
        has_duties = any(c.has_duties for c in present)
        self._missing = [(0.0, not has_duties and n == 0) for n in range(self._processes - len(present))]

    # --- what happens with time, or on a signal

    def _look_at_time(self) -> None:
        now = time.monotonic()
        for child in self._children.values():
            if child.kill_at is not None and child.kill_at <= now:
                observed.WORKER_LATE.log(worker=child.pid)
                child.kill()
        self._fork_missing(now)

    def _obey(self) -> None:
        signals, self._signals = self._signals, []
        for number in signals:
            if number in {signal.SIGTERM, signal.SIGINT}:
                self._stop()
        self._wants_reload |= signal.SIGHUP in signals
        if self._wants_reload and self._is_settled():
            self._wants_reload = False
            self._reload()

    def _is_settled(self) -> bool:
        """Whether nothing else is on its way: the generation before has ended."""
        is_one = all(child.generation == self._generation for child in self._children.values())
        return is_one and self._is_ready and self._before is None and not self._is_stopping

    def _stop(self) -> None:
        """Let all finish; who is asked twice is in a hurry."""
        observed.STOPPING.log()
        self._missing.clear()
        self._end(lambda _: True, 0 if self._is_stopping else None)
        self._is_stopping = True

    def _reload(self) -> None:
        """Take on new settings: a new generation has them, and once it answers, the old one finishes and ends."""
        if self._reread is None:
            return
        try:
            new, kept = applicable(self._settings, self._reread())
        except ConfigError as error:
            observed.RELOAD_REFUSED.log(mistakes=str(error))
            return
        for name in kept:
            observed.NEEDS_RESTART.log(setting=name)
        self._before, self._settings = self._settings, new
        self._newest += 1
        self._generation_before, self._generation = self._generation, self._newest
        self._fork_generation()
