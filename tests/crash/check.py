"""What is looked at after a crash: promises, caches, files, and the store's own check."""

import random
import re
import time
from pathlib import Path
from typing import Any

from pillarbox.services.provision import connect_rules
from pillarbox.services.uploads import sweep_files
from pillarbox.services.verify.run import verify
from tests.clients.account_copy import Copy
from tests.clients.client import Client, Json
from tests.crash.ledger import Ledger, Seen, compare
from tests.crash.load import Loader
from tests.crash.server import USERS, Server
from tests.support.engine import open_engine

_OURS = re.compile(r"<?([a-z0-9.]+-\d+)@load>?")
GIVEN = {"$hasattachment", "$hasnoattachment"}  # by delivery
_QUIET_SECONDS = 20.0
_LONG = 2 * 86_400.0
_KNOWN_FILES = {"pillarbox.sqlite3", "pillarbox.sqlite3-wal", "pillarbox.sqlite3-shm", "write.lock", "open", "blobs"}


class Checker:
    """A client of each account that outlives the server's crashes, with a copy that is renewed by changes alone."""

    def __init__(self, server: Server, secrets: dict[str, str], seed: int) -> None:
        self.server = server
        self.chance = random.Random(seed)
        self.clients = {user: Client(server.session_url, user, secrets[user]) for user in USERS}
        self.roles = {user: _roles(client) for user, client in self.clients.items()}
        self.copies = {user: Copy(client, self.chance) for user, client in self.clients.items()}
        self.contents = 0

    def hang_up(self) -> None:
        """Forget the connections, not what is known."""
        for client in self.clients.values():
            client._connection.close()

    def check(self, loaders: list[Loader]) -> list[str]:
        """What is wrong, in words."""
        self.hang_up()
        self._wait_quiet([loader.ledger for loader in loaders])
        seen = Seen()
        for user, client in self.clients.items():
            self._look(user, client, seen)
        for loader in loaders:
            self._look_for_blobs(loader, seen)
        fresh = {key for loader in loaders for change in loader.ledger.open for key in change.news}
        wrong = compare([loader.ledger for loader in loaders], seen)
        wrong += self._check_contents(loaders, fresh)
        for copy in self.copies.values():
            try:
                copy.renew()  # from the state of before the crash
                copy.check()
            except AssertionError as error:
                wrong.append(str(error)[:2000])
        _hand_over(loaders)
        return wrong

    def renew_all(self) -> None:
        """Copies that begin anew, as after a power failure."""
        self.copies = {user: Copy(client, self.chance) for user, client in self.clients.items()}

    def _wait_quiet(self, ledgers: list[Ledger]) -> None:
        """Until mail that was submitted has gone its way."""
        deadline = time.monotonic() + _QUIET_SECONDS
        while any(client.call("EmailSubmission/query", filter={"undoStatus": "pending"})["ids"]
                  for client in self.clients.values()):  # fmt: skip
            assert time.monotonic() < deadline, "submissions wait for ever"
            time.sleep(0.02)

    def _look(self, user: str, client: Client, seen: Seen) -> None:
        names = {id: role for role, id in self.roles[user].items()}
        for id, email in client.get(
            "Email", None, properties=["id", "blobId", "mailboxIds", "keywords", "messageId"]
        ).items():
            box = ",".join(sorted(names[box] for box in email["mailboxIds"]))
            seen.add(
                (user, "Email", ours(email)),
                (frozenset(email["keywords"]) - GIVEN, box),
                id,
                email["blobId"],
            )
        for id, mailbox in client.get("Mailbox", None).items():
            if id not in names:
                name, _, value = mailbox["name"].partition(" ")
                seen.add((user, "Mailbox", name), value, id)

    def _look_for_blobs(self, loader: Loader, seen: Seen) -> None:
        """Uploads of this round; older ones may be forgotten here, though not there."""
        client = self.clients[loader.user]
        for key in [key for key in loader.ledger.promises if key[1] == "Blob"]:
            try:
                if client.download(key[2]) == loader.ledger.promises[key].octets:
                    seen.add(key, "there", key[2])
            except AssertionError as error:
                if "404" not in str(error):
                    raise

    def _check_contents(self, loaders: list[Loader], fresh: set[Any]) -> list[str]:
        """What has been asked for in this round, and some of what was there before."""
        wrong = []
        for loader in loaders:
            for key, promise in loader.ledger.promises.items():
                if promise.octets and key[1] == "Email" and (key in fresh or self.chance.random() < 0.1):
                    self.contents += 1
                    if not self.clients[key[0]].download(promise.ask).endswith(promise.octets):
                        wrong.append(f"{key} has other octets than were sent")
        return wrong


def ours(email: Json) -> str:
    """The name that it was given here, or else its id."""
    found = _OURS.fullmatch((email["messageId"] or [""])[0])
    return found[1] if found else str(email["id"])


def _roles(client: Client) -> dict[str, str]:
    return {role: box["id"] for role, box in client.mailboxes().items()}


def _hand_over(loaders: list[Loader]) -> None:
    """What one account's client put into another account is from now on that other one's to change."""
    for loader in loaders:
        for key in list(loader.ledger.promises):
            if key[1] == "Blob":
                del loader.ledger.promises[key]
            elif key[0] != loader.user:
                other = next(other for other in loaders if other.user == key[0])
                other.ledger.promises[key] = loader.ledger.promises.pop(key)


def check_store(server: Server) -> list[str]:
    """`pillarbox verify-data`, here."""
    connect_rules()
    store = open_engine(server.data, server.url)
    try:
        report = verify(store)
        return [f"verify-data: {finding}" for finding in report.findings]
    finally:
        store.close()


def check_files(server: Server) -> list[str]:
    """On a server that has stopped: after the sweep of two days there is nothing but what is needed."""
    store = open_engine(server.data, server.url)
    try:
        later = time.time() + _LONG
        sweep_files(store, later)
        sweep_files(store, later + 7200.0)
        report = verify(store)
        wrong = [f"after the sweep: {finding}" for finding in report.findings]
        wrong += [f"after the sweep: {report.orphans} orphans"] if report.orphans else []
    finally:
        store.close()
    left = [path for path in server.data.iterdir() if path.name not in _KNOWN_FILES]
    left += [path for path in (server.data / "blobs").glob("*/*") if not path.name.startswith("b") or "." in path.name]
    return wrong + [f"left behind: {path}" for path in left]


def open_files(pid: int) -> int:
    """How many descriptors a process has."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
