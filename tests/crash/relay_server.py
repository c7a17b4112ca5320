"""A server that relays, and what its end leaves to be known: when processes ended, and what the log says was sent."""

import contextlib
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.crash.server import Nursery, Server, wait_end
from tests.crash.sink import Book, Time
from tests.support.free_port import free_port

LEASE_SECONDS = 3  # longer than a busy machine lets a process wait
_RELAYED = re.compile(rb"relay\.relayed.*?taken <([\w.-]+)>")
_SETTINGS = """
[submission]
listen = ["127.0.0.1:{submission}"]
messages_an_hour = 0
messages_a_day = 0
recipients_an_hour = 0
recipients_a_day = 0
[relay]
smarthost = "smtp://127.0.0.1:{sink}"
lease_seconds = {lease}
concurrency_per_destination = 20
"""


class RelayServer(Server):
    """A server that remembers what its logs said, and when processes of it ended without being asked to."""

    def __init__(self, folder: Path, nursery: Nursery, book: Book, *, workers: int, url: str) -> None:
        self.submission_port = free_port()
        more = _SETTINGS.format(submission=self.submission_port, sink=book.port, lease=LEASE_SECONDS)
        super().__init__(folder, nursery, workers=workers, url=url, settings=more)
        self._read = 0  # octets of the log
        self.kills: list[Time] = []  # from the signal until the process was seen to be gone
        self.relayed: Counter[str] = Counter()

    def start(self) -> None:
        self.read_log()
        super().start()
        self._read = 0

    def read_log(self) -> None:
        """Count what the log says was relayed, before it begins anew."""
        if self.log.exists():
            said = self.log.read_bytes()
            self.relayed.update(name.decode() for name in _RELAYED.findall(said, self._read))
            self._read = said.rfind(b"\n") + 1

    def kill(self) -> None:
        with self._ending():
            super().kill()

    def signal(self, number: int, pid: int = 0) -> None:
        if number != signal.SIGKILL:
            super().signal(number, pid)
            return
        with self._ending():
            super().signal(number, pid)
            wait_end(pid or self.pid)

    @contextlib.contextmanager
    def end_of_workers(self) -> Iterator[None]:
        """While the supervisor is killed: its workers find that out, and break off what takes longer than they have."""
        workers = self.children
        with self._ending():
            yield
            for pid in workers:
                wait_end(pid)

    @contextlib.contextmanager
    def _ending(self) -> Iterator[None]:
        began = time.monotonic_ns()
        yield
        self.kills.append(Time(began, time.monotonic_ns()))
