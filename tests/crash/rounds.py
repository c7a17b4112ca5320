"""Rounds of load, a sudden end, a start and a look: what a seed makes once, it makes again, but for the timing."""

import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.crash.check import Checker, check_files, check_store, open_files
from tests.crash.load import Loader
from tests.crash.server import USERS, Nursery, Server

_CLIENTS = 2  # of each account


class Lost(AssertionError):
    """Something is not as it was promised."""


class Rounds:
    """One installation that is crashed again and again."""

    load = 1.0  # how much longer than usual there is load before the end comes

    def __init__(self, folder: Path, nursery: Nursery, *, seed: int, workers: int = 1, url: str = "") -> None:
        self.seed, self.chance = seed, random.Random(seed)
        self.server = Server(folder, nursery, workers=workers, url=url)
        self.secrets = self.server.make_users()
        self.server.start()
        self.server.wait_ready()
        self.checker = Checker(self.server, self.secrets, seed)
        self.loaders = [
            Loader(self.server, user, self.secrets[user], f"{user[0]}{number}", seed * 100 + 10 * number + n)
            for n, user in enumerate(USERS)
            for number in range(_CLIENTS)
        ]
        for loader in self.loaders:
            loader.roles = self.checker.roles[loader.user]
        self.kinds: Counter[str] = Counter()
        self.checks = 0
        self._files = open_files(self.server.pid)

    @property
    def acknowledged(self) -> int:
        return sum(loader.ledger.acknowledged for loader in self.loaders)

    def run(self, count: int, *, verify_every: int = 25, tell: Callable[[str], None] = lambda _: None) -> None:
        """So many rounds. Raises Lost."""
        for number in range(1, count + 1):
            kind = self._round()
            self.kinds[kind.__name__.strip("_")] += 1
            wrong = self.checker.check(self.loaders) + self.look()
            if open_files(self.server.pid) > self._files + 4:
                wrong.append(f"the supervisor has {open_files(self.server.pid)} files open, once {self._files}")
            if number % verify_every == 0 or number == count:
                self.checks += 1
                wrong += check_store(self.server)
                tell(f"{number} rounds, {self.acknowledged} acknowledged, {dict(self.kinds)}")
            if wrong:
                raise Lost(f"seed {self.seed}, round {number}, {kind.__name__}:\n" + "\n".join(wrong[:30]))

    def close(self) -> None:
        """Stop it, and look at what is left on the disk. Raises Lost."""
        self.server.signal(signal.SIGTERM)
        self.server.wait_gone()
        if wrong := check_files(self.server):
            raise Lost("\n".join(wrong))

    def _round(self) -> Callable[[], None]:
        kinds, weights = zip(*self.ways(), strict=True)
        kind: Callable[[], None] = self.chance.choices(kinds, weights)[0]
        begun, stop, failures = threading.Semaphore(0), threading.Event(), list[BaseException]()
        threads = [threading.Thread(target=loader.run, args=(begun, stop, failures)) for loader in self.loaders]
        for thread in threads:
            thread.start()
        for _ in threads:
            begun.acquire()
        try:
            time.sleep(self.load * self.chance.choice((0.05, 0.15, 0.3)) * (0.2 + self.chance.random()))
            kind()
        finally:
            stop.set()
            for thread in threads:
                thread.join()
            for loader in self.loaders:
                loader.hang_up()
        if failures:
            raise failures[0]
        if not self.server.is_running:
            self.server.start()
            self.server.wait_ready()
        return kind

    def look(self) -> list[str]:
        """What else is wrong, in words."""
        return []

    # --- ways to end

    def ways(self) -> list[tuple[Callable[[], None], int]]:
        """Each with how often it is taken, of a hundred."""
        return [
            (self._all, 55),
            (self._worker, 12),
            (self._supervisor, 5),
            (self._start, 15),
            (self._shutdown, 13),
        ]

    def _all(self) -> None:
        """Everything at once."""
        self.server.kill()

    def _worker(self) -> None:
        """One process; another takes its place while the load goes on."""
        ready = self.server.log.read_bytes().count(b"process.ready")
        self.server.signal(signal.SIGKILL, self.chance.choice(self.server.children))
        self.server.wait_ready(ready + 1)
        time.sleep(0.05)

    def _supervisor(self) -> None:
        """The supervisor alone: a start at once has to succeed, while its workers end by themselves."""
        self.server.is_stopping = True  # the workers, as they find out
        self.server.signal(signal.SIGKILL)
        self.server.start()
        self.server.is_stopping = True
        self.server.wait_ready()
        self.server.is_stopping = False
        self._files = open_files(self.server.pid)

    def _start(self) -> None:
        """Everything, and the next starts on their way."""
        self.server.kill()
        for _ in range(self.chance.choice((1, 2, 5))):
            self.server.start()
            time.sleep(0.15 * self.chance.random())
            self.server.kill()

    def _shutdown(self) -> None:
        """While it ends as it was told to."""
        self.server.is_stopping = True
        self.server.signal(signal.SIGTERM)
        time.sleep(0.06 * self.chance.random())
        self.server.kill()


def first_starts(nursery: Nursery, count: int, seed: int) -> None:
    """Kill a server while it makes its store; the next start has to succeed, and to find it whole. Raises Lost."""
    chance = random.Random(seed)
    for _ in range(count):
        with tempfile.TemporaryDirectory() as folder:
            server = Server(Path(folder), nursery)
            for _ in range(3):
                server.start()
                time.sleep(0.12 * chance.random())
                server.kill()
            server.start()
            server.wait_ready()
            server.kill()
            if wrong := check_store(server):
                raise Lost("\n".join(wrong))
