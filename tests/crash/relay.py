"""A server is killed while it sends: all is sent that it took, and twice only what was then on its way."""

import asyncio
import contextlib
import os
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from tests.crash.check import check_store
from tests.crash.load import LOST, REFUSED, LoadClient
from tests.crash.rounds import Lost
from tests.crash.server import USERS, Nursery, Server
from tests.support.engine import open_engine
from tests.support.smtp_sink import Sink, Taken, serving

_DOMAINS = ("one.test", "two.test")
_PATH = re.compile(r"RCPT TO:<([^>]*)>")
_DRAIN_SECONDS = 60.0


class Noting:
    """A sink in a thread of its own, which puts what it takes on the disk before it says so."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a", encoding="ascii")
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self.sink = Sink(before_250=self._note)
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self._thread.start()
        self._ready.wait()

    async def _serve(self) -> None:
        async with serving(self.sink):
            self._ready.set()
            await self._stop.wait()

    def _note(self, taken: Taken) -> None:
        for line in taken.lines[1:]:
            found = _PATH.match(line)
            assert found is not None
            self._file.write(f"{found[1]}\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def taken(self) -> Counter[str]:
        """How often the message to each recipient was taken."""
        return Counter(self._path.read_text().split())

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()
        self._file.close()


class Submitter:
    """A client that submits as fast as it is answered, each message to recipients that no other has."""

    def __init__(self, server: Server, user: str, secret: str, name: str, seed: int) -> None:
        self._server, self._user, self._secret, self._name = server, user, secret, name
        self._chance = random.Random(seed)
        self._client: LoadClient | None = None
        self._where: tuple[str, str] | None = None  # its identity, and its mailbox for drafts
        self.asked: set[str] = set()
        self.acknowledged: set[str] = set()

    def run(self, stop: threading.Event, failures: list[BaseException]) -> None:
        """Submit until told to stop; come back when a connection breaks."""
        while not stop.is_set():
            try:
                self._submit()
            except (*LOST, *REFUSED):
                self._client = None
                stop.wait(0.01)
            except BaseException as error:  # noqa: BLE001 -- told by who started the thread
                failures.append(error)
                return

    def _submit(self) -> None:
        client = self._client = self._client or LoadClient(self._server, self._user, self._secret)
        if self._where is None:
            boxes = client.get("Mailbox", None)
            drafts = next(id for id, box in boxes.items() if box["role"] == "drafts")
            self._where = (next(iter(client.get("Identity", None))), drafts)
        identity, drafts = self._where
        count = self._chance.choice((1, 1, 2, 5))
        number = len(self.asked)
        to = [f"{self._name}.{number + n}@{self._chance.choice(_DOMAINS)}" for n in range(count)]
        self.asked.update(to)
        text = "x" * self._chance.choice((10, 1_000, 300_000 if self._chance.random() < 0.05 else 5_000))
        draft = {
            "mailboxIds": {drafts: True},
            "from": [{"email": self._user}],
            "to": [{"email": address} for address in to],
            "bodyValues": {"t": {"value": text}},
            "textBody": [{"partId": "t", "type": "text/plain"}],
        }
        create = {"s": {"emailId": "#d", "identityId": identity}}
        calls = ("Email/set", {"create": {"d": draft}}), ("EmailSubmission/set", {"create": create})
        answer = client.request(*calls)[1]
        if (answer[1].get("created") or {}).get("s"):
            self.acknowledged.update(to)


class RelayRounds:
    """One installation that is killed while it sends, again and again."""

    def __init__(self, folder: Path, nursery: Nursery, *, seed: int, workers: int = 2, url: str = "") -> None:
        self.seed, self._chance = seed, random.Random(seed)
        self.noting = Noting(folder / "taken")
        relay = f'[relay]\nsmarthost = "smtp://127.0.0.1:{self.noting.sink.port}"\nlease_seconds = 1\n'
        self.server = Server(folder, nursery, workers=workers, url=url, settings=relay)
        secrets = self.server.make_users()
        self.submitters = [
            Submitter(self.server, user, secrets[user], f"{user[0]}{n}", seed * 10 + n) for n, user in enumerate(USERS)
        ]
        self.may_repeat: Counter[str] = Counter()
        self.repeated = 0

    @property
    def acknowledged(self) -> set[str]:
        return set().union(*(one.acknowledged for one in self.submitters))

    def run(self, count: int, tell: Callable[[str], None] = lambda _: None) -> None:
        """So many rounds. Raises Lost."""
        self._start()
        for number in range(1, count + 1):
            self._round()
            if number % 25 == 0 or number == count:
                if wrong := check_store(self.server):
                    raise Lost(f"seed {self.seed}, round {number}:\n" + "\n".join(wrong[:30]))
                tell(f"{number} rounds, {len(self.acknowledged)} acknowledged, {self.noting.taken().total()} taken")
            self._start()
        self._check()

    def close(self) -> None:
        self.server.kill()
        self.noting.close()

    def _start(self) -> None:
        self.server.start()
        self.server.wait_ready()

    def _round(self) -> None:
        stop, failures = threading.Event(), list[BaseException]()
        threads = [threading.Thread(target=one.run, args=(stop, failures)) for one in self.submitters]
        for thread in threads:
            thread.start()
        time.sleep(self._chance.choice((0.1, 0.3, 0.6, 1.5)) * (0.3 + self._chance.random()))
        self.server.kill()
        stop.set()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        # What nobody has claimed was not sent when it was killed, and what has ended is not there any more.
        self.may_repeat.update(self._queued("lease <> ''"))

    def _queued(self, condition: str) -> list[str]:
        store = open_engine(self.server.data, self.server.url)
        try:
            sql = f"SELECT body FROM outbox WHERE destination <> '' AND {condition}"  # noqa: S608
            rows = store.read(lambda view: view.db.rows(sql))
            return [msgspec.json.decode(bytes(body))["rcptTo"]["email"] for (body,) in rows]  # type: ignore[call-overload]
        finally:
            store.close()

    def _check(self) -> None:
        """Wait until all is sent, and look what was taken, and how often. Raises Lost."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        while self.acknowledged - self.noting.taken().keys() and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1.5)  # leases end, and what could be sent again would be
        self.server.kill()
        taken = self.noting.taken()
        wrong = [f"lost: {to}" for to in sorted(self.acknowledged - taken.keys())]
        asked = set().union(*(one.asked for one in self.submitters))
        wrong += [f"nobody asked for {to}" for to in sorted(taken.keys() - asked)]
        wrong += [
            f"{to} was sent {count} times, and on its way at {self.may_repeat[to]} kills"
            for to, count in taken.items()
            if count > 1 + self.may_repeat[to]
        ]
        wrong += [f"still waiting: {to}" for to in self._queued("1 = 1")]
        if wrong:
            raise Lost(f"seed {self.seed}:\n" + "\n".join(wrong[:30]))
        self.repeated = taken.total() - len(taken)


def run_relay(folder: Path, count: int, *, seed: int, url: str = "") -> RelayRounds:
    """So many rounds, from an empty store on. Raises Lost."""
    nursery = Nursery({"PILLARBOX_RELAY_ENABLED": "true"})  # as tests in general have it not
    rounds = RelayRounds(folder, nursery, seed=seed, url=url)
    with contextlib.closing(nursery), contextlib.closing(rounds):
        rounds.run(count, tell=lambda said: print(said, flush=True))
    return rounds
