"""Runs fetches of mail from other servers: several accounts at a time, each in a thread with one connection."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from pillarbox.core.faults import Fault
from pillarbox.net.imap_client import Endpoint, ImapConnection
from pillarbox.services.fetch.account_copy import fetch_account
from pillarbox.services.fetch.job import Choices, Job
from pillarbox.services.fetch.link import Link
from pillarbox.services.fetch.login import Credentials
from pillarbox.services.fetch.outcome import Outcome
from pillarbox.services.fetch.route import Router, Wishes
from pillarbox.storage.database import StoreError
from pillarbox.storage.fetch_state import FetchState, no_state_errors
from pillarbox.storage.store import Store
from pillarbox.wire.imap_client.response import Bounds

_SLACK = 1 << 20  # a message may be larger than the server said (Exchange makes it up as it goes)


class Stopped(Exception):
    """Whoever started the fetches does not want them any more."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One account to fetch: where from, as whom, and for which account here."""

    endpoint: Endpoint
    credentials: Credentials
    account: str
    address: str

    def memory(self, folder: Path) -> Path:
        """Where the memory of this errand is."""
        source = "\0".join((self.endpoint.host.lower(), str(self.endpoint.port), self.credentials.user, self.account))
        return folder / "fetch" / f"{hashlib.sha256(source.encode()).hexdigest()[:32]}.sqlite3"


class Meter:
    """Adds up how far all of them are, for a progress bar; and ends them when they are not wanted any more."""

    def __init__(self, on_change: Callable[[int, int], None] = lambda _done, _expected: None) -> None:
        self._on_change = on_change
        self._lock = threading.Lock()
        self._done = self._expected = 0
        self.stop = threading.Event()

    def expect(self, octets: int) -> None:
        """See `Progress`."""
        self._move(0, octets)

    def advance(self, octets: int) -> None:
        """See `Progress`. Raises Stopped."""
        self._move(octets, 0)
        if self.stop.is_set():
            raise Stopped

    def wait(self, seconds: float) -> None:
        """Wait. Raises Stopped."""
        if self.stop.wait(seconds):
            raise Stopped

    def _move(self, done: int, expected: int) -> None:
        with self._lock:
            self._done += done
            self._expected += expected
            self._on_change(self._done, self._expected)


class Fetcher:
    """Runs errands."""

    def __init__(self, store: Store, wishes: Wishes, choices: Choices, meter: Meter | None = None) -> None:
        self._store = store
        self._wishes = wishes
        self._choices = choices
        self._meter = meter or Meter()
        self._open: set[ImapConnection] = set()
        self._lock = threading.Lock()
        self._large = threading.Lock()

    def run(
        self,
        errands: Sequence[Errand],
        connections: int,
        on_done: Callable[[Errand, Outcome], None] = lambda _errand, _outcome: None,
    ) -> list[Outcome]:
        """Run them, so many at a time; returns the outcomes in the same order. `on_done` hears each as it ends."""
        with ThreadPoolExecutor(connections, "fetch") as pool:
            futures: dict[Future[Outcome], Errand] = {pool.submit(self.run_one, errand): errand for errand in errands}
            try:
                for future in as_completed(futures):
                    on_done(futures[future], future.result())
            except BaseException:
                self._stop(futures)
                raise
            return [future.result() for future in futures]

    def _stop(self, futures: dict[Future[Outcome], Errand]) -> None:
        self._meter.stop.set()
        for future in futures:
            future.cancel()
        with self._lock:
            for connection in self._open:
                connection.abort()

    def run_one(self, errand: Errand) -> Outcome:
        """Run one errand. Raises Stopped."""
        try:
            keep = not self._choices.dry_run
            with no_state_errors(), FetchState(errand.memory(self._store.folder), keep=keep) as state:
                return fetch_account(self._job(errand, state))
        except (StoreError, Fault) as fault:
            return Outcome(failure=str(fault))

    def _job(self, errand: Errand, state: FetchState) -> Job:
        link = Link(lambda: self._connect(errand.endpoint), errand.credentials, self._meter.wait)
        router = Router(self._wishes)
        return Job(self._store, errand.account, link, state, router, self._choices, self._meter, self._large)

    def _connect(self, endpoint: Endpoint) -> ImapConnection:
        limit = self._store.limits.max_size_message
        connection = ImapConnection(endpoint, Bounds(literal=limit + limit // 2 + _SLACK))
        with self._lock:
            self._open = {one for one in self._open if not one.is_closed} | {connection}
        if self._meter.stop.is_set():
            connection.close()
            raise Stopped
        return connection
