"""Rounds in which the database server ends, not we: it comes back, and everything goes on without help."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.clients.client import Client, Events
from tests.crash.rounds import Rounds
from tests.crash.server import USERS, Nursery
from tests.support.postgres_server import Server as PostgresServer

# What may be said while there is no database, and by a request whose draft did not come to be.
_TOLD = ("serverUnavailable", "503", "451 ", "421 ", "created as #d")
_RESUMED_SECONDS = 20.0


class DatabaseRounds(Rounds):
    """One installation on a database server that is crashed again and again, while a client of each account listens."""

    def __init__(
        self, folder: Path, nursery: Nursery, database: PostgresServer, *, seed: int, workers: int = 1
    ) -> None:
        super().__init__(folder, nursery, seed=seed, workers=workers, url=database.new())
        self.database, self._workers = database, workers
        self.refusals = 0
        for loader in self.loaders:
            loader.tolerates = loader.doubts_mail = True
        self._open = ExitStack()
        self._streams: dict[str, Events] = {}
        self._listen()

    def ways(self) -> list[tuple[Callable[[], None], int]]:
        return [
            (self._kill, 40),
            (self._immediate, 25),
            (self._session, 15),
            (self._restart, 10),
            (self._everything, 10),
        ]

    def close(self) -> None:
        self._open.close()
        super().close()

    # --- ways to end

    def _kill(self) -> None:
        """All processes of the database."""
        self.database.kill()
        self._back()

    def _immediate(self) -> None:
        """As an administrator in a hurry does it: sessions end without a word."""
        self.database.end("immediate")
        self._back()

    def _session(self) -> None:
        """One process of a session: the database then ends all others, and recovers by itself."""
        sessions = self.database.execute("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND"
                                         " backend_type = 'client backend'")  # fmt: skip
        if sessions:
            os.kill(self.chance.choice(sessions)[0], signal.SIGKILL)
            self.database.reconnect()
        self._go_on()

    def _restart(self) -> None:
        """As for an upgrade of the database: what runs is undone and told so."""
        self.database.end("fast")
        self._back()

    def _everything(self) -> None:
        """The database and us, at once."""
        self._open.close()
        self.database.kill()
        self.server.kill()
        self.database.start()
        self.server.start()
        self.server.wait_ready()
        self._listen()
        self._go_on()

    def _back(self) -> None:
        """It is away for a while; then there is load again."""
        time.sleep(self.chance.choice((0.0, 0.1, 0.5)) * self.chance.random())
        self.database.start()
        self._go_on()

    def _go_on(self) -> None:
        time.sleep(0.3 * self.chance.random())

    # --- what is looked at beside the promises

    def look(self) -> list[str]:
        wrong = [f"{loader.name}: {said}" for loader in self.loaders for said in loader.refusals
                 if not any(word in said for word in _TOLD)]  # fmt: skip
        for loader in self.loaders:
            self.refusals += len(loader.refusals)
            loader.refusals.clear()
        if b"Traceback" in self.server.log.read_bytes():
            wrong.append(self.server.log.read_text()[-3000:])
        wrong += self._hear()
        return wrong

    def _hear(self) -> list[str]:
        """Whether streams from before still tell what happens, and all processes hear of each other again."""
        for user, stream in self._streams.items():
            client, account = self.checker.clients[user], self.checker.clients[user].account
            made = client.set("Mailbox", create={"m": {"name": "for a moment"}})
            gone = client.set("Mailbox", destroy=[made["created"]["m"]["id"]])["newState"]
            told = ""
            while not told or int(told) < int(gone):
                told = stream.wait(account, "Mailbox", told)["Mailbox"]
        until = time.monotonic() + _RESUMED_SECONDS
        listening = "SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'"
        while (count := self.database.execute(listening)[0][0]) != self._workers:
            if time.monotonic() > until:
                return [f"{count} processes listen"]
            time.sleep(0.05)
        return []

    def _listen(self) -> None:
        for user in USERS:
            client = self._open.enter_context(Client(self.server.session_url, user, self.secrets[user]))
            self._streams[user] = self._open.enter_context(client.events("Mailbox"))
