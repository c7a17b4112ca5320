"""The power is cut: what the disk may hold is opened as after the next start of the machine, and held to the promises.

`python -m tests.crash.power --images 1000`: one run of a server under load is written down act by act, and gives as
many images as there are moments in it.
"""

import argparse
import logging
import random
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from pillarbox.app.engine import Engine
from pillarbox.core.faults import Fault as Refusal
from pillarbox.core.faults import Kind
from pillarbox.services.verify.run import verify
from pillarbox.storage import presence
from tests.clients.client import Client
from tests.crash.check import GIVEN, ours
from tests.crash.disk import LEANINGS, Act, Disk, read_log
from tests.crash.fault import LIE, Fault, compiled
from tests.crash.ledger import Ledger, Seen, compare, replayed
from tests.crash.load import Loader
from tests.crash.rounds import Lost
from tests.crash.server import USERS, Nursery, Server


class Recording:
    """One run of a server under load, with every act on its files and every promise, each with its time."""

    def __init__(self, folder: Path, library: Path, *, seed: int, seconds: float, lies: bool = False) -> None:
        """`lies`: the disk says that it has synced, and has not."""
        (folder / "site").mkdir()
        self.fault = Fault(library, folder, folder / "site" / "data", log=True)
        if lies:
            self.fault.fail("sync", LIE)
        self._nursery = Nursery(self.fault.environment)
        self.server = Server(folder / "site", self._nursery, workers=1)
        secrets = self.server.make_users()
        self.disk = Disk(self.server.data)
        self.server.start()
        self.server.wait_ready()
        self.ready_at = time.monotonic_ns()
        clients = {user: Client(self.server.session_url, user, secrets[user]) for user in USERS}
        self.accounts = {user: client.account for user, client in clients.items()}
        self.states = {user: client.call("Email/get", ids=[])["state"] for user, client in clients.items()}
        self.roles = {user: {box["id"]: role for role, box in c.mailboxes().items()} for user, c in clients.items()}
        self.loaders = [
            Loader(self.server, user, secrets[user], f"{user[0]}{n}", seed * 10 + n) for n, user in enumerate(USERS * 2)
        ]
        self._load(seconds)
        for client in clients.values():
            client._connection.close()
        self.acts: list[Act] = read_log(folder / "disk.log")

    def _load(self, seconds: float) -> None:
        begun, stop, failures = threading.Semaphore(0), threading.Event(), list[BaseException]()
        for loader in self.loaders:
            loader.roles = {role: id for id, role in self.roles[loader.user].items()}
        threads = [threading.Thread(target=loader.run, args=(begun, stop, failures)) for loader in self.loaders]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        stop.set()
        for thread in threads:
            thread.join()
        self.server.kill()
        self._nursery.close()
        for loader in self.loaders:
            loader.hang_up()
        if failures:
            raise failures[0]

    def check(self, place: int, image: Path, chance: random.Random, leaning: str) -> list[str]:
        """Cut the power at a place of the log; what is wrong, in words."""
        self.disk.cut(self.acts[:place]).write(image, chance, leaning)
        at = self.acts[place - 1].time
        ledgers = [replayed(loader.ledger, at) for loader in self.loaders]
        with patch.object(presence, "boot_id", lambda: "after the power was back"), Engine(image) as engine:
            seen = self._look(engine, ledgers)
            wrong = compare(ledgers, seen) + self._check_octets(engine, ledgers)
            if at > self.ready_at:  # before, nobody can have seen anything
                wrong += self._check_states(engine)
            wrong += [f"verify-data: {finding}" for finding in verify(engine.store).findings]
        return wrong

    def _look(self, engine: Engine, ledgers: list[Ledger]) -> Seen:
        seen = Seen()
        for user, account in self.accounts.items():
            names = self.roles[user]
            for email in engine.records("Email", None, account):
                key = (user, "Email", ours(email))
                value = (frozenset(email["keywords"]) - GIVEN, ",".join(names[box] for box in email["mailboxIds"]))
                seen.add(key, value, email["id"], email["blobId"])
            for box in engine.records("Mailbox", None, account):
                if box["id"] not in names:
                    name, _, value = box["name"].partition(" ")
                    seen.add((user, "Mailbox", name), value, box["id"])
        for ledger in ledgers:
            for key in [key for key in ledger.promises if key[1] == "Blob"]:
                if self._read(engine, key[0], key[2]) == ledger.promises[key].octets:
                    seen.add(key, "there", key[2], key[2])
        return seen

    def _check_octets(self, engine: Engine, ledgers: list[Ledger]) -> list[str]:
        return [
            f"{key} has other octets than were sent"
            for ledger in ledgers
            for key, promise in ledger.promises.items()
            if promise.octets and not (self._read(engine, key[0], promise.ask) or b"").endswith(promise.octets)
        ]

    def _read(self, engine: Engine, user: str, blob: str) -> bytes | None:
        return engine.store.read(lambda view: view.read_blob(self.accounts[user], blob))

    def _check_states(self, engine: Engine) -> list[str]:
        """A client's state may be of what is lost: it is told to begin anew."""
        wrong = []
        for user, account in self.accounts.items():
            try:
                engine.call("Email/changes", {"sinceState": self.states[user]}, account)
                wrong.append(f"{user}: changes since {self.states[user]} are told")
            except Refusal as fault:
                if fault.kind is not Kind.CANNOT_CALCULATE_CHANGES:
                    raise
        return wrong


def cut_power(
    folder: Path, library: Path, *, images: int, seed: int, seconds: float, tell: Callable[[str], None] = lambda _: None
) -> Counter[str]:
    """Record a load, and check so many images of it. Raises Lost."""
    recording, chance = Recording(folder, library, seed=seed, seconds=seconds), random.Random(seed)
    kinds: Counter[str] = Counter()
    acknowledged = sum(loader.ledger.acknowledged for loader in recording.loaders)
    tell(f"{len(recording.acts)} acts on files, {acknowledged} acknowledged changes")
    for number in range(images):
        place, leaning = chance.randint(1, len(recording.acts)), chance.choice(LEANINGS)
        wrong = recording.check(place, folder / "image", chance, leaning)
        if wrong:
            raise Lost(f"seed {seed}, act {place}, {leaning}:\n" + "\n".join(wrong[:20]))
        shutil.rmtree(folder / "image")
        kinds[leaning] += 1
        if number % 100 == 99:
            tell(f"{number + 1} images")
    return kinds


def main() -> None:
    """Cut the power by hand."""
    parser = argparse.ArgumentParser(description="Cut the power of a server under load, at many moments of one run.")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=4.0)
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="pillarbox-power-") as name:
        folder = Path(name)
        library = compiled(folder)
        if library is None:
            print("there is no C compiler here (cc)")
            return
        kinds = cut_power(
            folder, library, images=given.images, seed=given.seed, seconds=given.seconds,
            tell=lambda said: print(said, flush=True),
        )  # fmt: skip
    print(f"nothing lost: {dict(kinds)}")


if __name__ == "__main__":
    main()
