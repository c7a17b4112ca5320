"""Kills while a store of an older Pillarbox is brought up to date: the next start ends what was begun, or begins it."""

import random
import shutil
import time
from pathlib import Path

from pillarbox.storage import pending
from pillarbox.storage.migration import steps
from tests.crash.rounds import Lost
from tests.crash.server import Nursery, Server
from tests.support.engine import open_engine
from tests.support.old_store import make_old, pending_of
from tests.support.postgres_server import Server as PostgresServer

_ACCOUNTS, _BLOBS = 100, 300  # so many that a step takes its time
_OLD = [number for number, _, _ in steps("sqlite")][:-1]


class Migrations:
    """Old stores, each killed some times on its way. `database` is where they are, if not in folders."""

    def __init__(self, folder: Path, nursery: Nursery, *, seed: int, database: PostgresServer | None = None) -> None:
        self._folder, self._nursery, self._database = folder, nursery, database
        self.seed, self._chance = seed, random.Random(seed)
        self._made: set[int] = set()
        self._seconds = 0.5  # of a start; known better after the first
        self.kills = self.interrupted = self.rounds = 0

    def run(self, count: int) -> None:
        """So many stores. Raises Lost."""
        for _ in range(count):
            self.rounds += 1
            self._one(self._chance.choice(_OLD))

    def _one(self, last: int) -> None:
        folder = self._folder / f"round {self.rounds}"
        url = self._copy(last, folder)
        server = Server(folder, self._nursery, url=url)
        for _ in range(3):
            server.start()
            time.sleep(self._chance.random() * self._seconds)
            server.kill()
            self.kills += 1
            self.interrupted += b"server.ready" not in server.log.read_bytes()
        began = time.monotonic()
        server.start()
        server.wait_ready()
        self._seconds = max(0.1, min(self._seconds, time.monotonic() - began) * 1.2)
        server.kill()
        if wrong := self._look(server, url):
            raise Lost(f"seed {self.seed}, round {self.rounds}, from {last}: {wrong[:10]}")
        shutil.rmtree(folder)

    def _copy(self, last: int, folder: Path) -> str:
        """A store with the steps up to a number; its URL, or nothing."""
        folder.mkdir()
        made, self._made = last in self._made, self._made | {last}
        if self._database is None:
            old = self._folder / f"old {last}"
            if not made:
                make_old(old, "", last, _ACCOUNTS, _BLOBS)
            shutil.copytree(old, folder / "data")
            return ""
        if not made:
            self._database.execute(f"CREATE DATABASE old{last} TEMPLATE template0")
            make_old(folder, self._database.url(f"old{last}"), last, _ACCOUNTS, _BLOBS)
        name = f"round{self.rounds}"
        self._database.execute(f"CREATE DATABASE {name} TEMPLATE old{last}")
        return self._database.url(name)

    def _look(self, server: Server, url: str) -> list[str]:
        store = open_engine(server.data, url)
        names = [f"a{at}" for at in range(_ACCOUNTS)]
        with store.snapshot() as view:
            have = [number for (number,) in view.db.rows("SELECT number FROM schema_version ORDER BY number")]
            wrong = [] if have == [*_OLD, steps("sqlite")[-1][0]] else [f"steps {have}"]
            if view.modseqs(names) != dict.fromkeys(names, 7):
                wrong.append(f"accounts {view.modseqs(names)}")
            totals = {name: (view.pending_use(name), pending.count(view.db, name)) for name in names}
            right = (pending_of(_BLOBS), pending_of(_BLOBS))
            wrong += [f"{name}: {total}" for name, total in totals.items() if total != right]
            row = view.db.row("SELECT COUNT(*), SUM(LENGTH(data)) FROM blob")
            if row is None or row[0] != _ACCOUNTS * _BLOBS:
                wrong.append(f"blobs {row}")
        store.close()
        return wrong
