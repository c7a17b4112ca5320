"""Two servers on one PostgreSQL database: what is written on one is seen live on the other, and one may be killed."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pillarbox.app.engine import Engine
from pillarbox.services.verify.run import verify
from tests.clients.client import Client
from tests.support.free_port import free_port

ALICE = ("alice@example.org", "correct horse")
_START_SECONDS = 40.0


class Node:
    """A `pillarbox serve` with a data directory of its own, in a process group of its own."""

    def __init__(self, url: str, folder: Path) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._log = (folder.parent / f"{folder.name}.log").open("wb")
        settings = {
            "PILLARBOX_STORAGE_URL": url,
            "PILLARBOX_STORAGE_CONNECTIONS": "8",
            "PILLARBOX_HTTP_LISTEN": self.address,
            "PILLARBOX_LMTP_LISTEN": f"unix:{folder.parent}/{folder.name}.sock",
            "PILLARBOX_DATA": str(folder),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from pillarbox.app.cli import main; main()", "serve"],
            env={**os.environ, **settings},
            stdin=subprocess.DEVNULL,
            stderr=self._log,
            start_new_session=True,
        )

    def client(self) -> Client:
        return Client(f"http://{self.address}/.well-known/jmap", *ALICE)

    def ready(self) -> None:
        until = time.monotonic() + _START_SECONDS
        while True:
            try:
                urllib.request.urlopen(f"http://{self.address}/healthz/live", timeout=5).close()
            except OSError:
                assert self.process.poll() is None, Path(self._log.name).read_text()
                assert time.monotonic() < until, Path(self._log.name).read_text()
                threading.Event().wait(0.02)
            else:
                return

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End the server and all of its processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
        self.process.wait(30)
        self._log.close()


@pytest.fixture
def nodes(postgres_url: str, tmp_path: Path) -> Iterator[list[Node]]:
    with Engine(tmp_path / "command", url=postgres_url) as engine:
        engine.create("Domain", {"name": "example.org"})
        engine.create("Account", {"name": ALICE[0], "password": ALICE[1]})
    found = [Node(postgres_url, tmp_path / name) for name in ("one", "two")]
    try:
        for node in found:
            node.ready()
        yield found
    finally:
        for node in found:
            node.kill(signal.SIGTERM if node.process.poll() is None else signal.SIGKILL)


def test_what_happens_on_one_node_is_seen_live_on_the_other(nodes: list[Node]) -> None:
    with nodes[0].client() as one, nodes[1].client() as two:
        for here, there in ((one, two), (two, one)):
            state = there.call("Mailbox/get", ids=[])["state"]
            with there.events("Mailbox") as events:
                made = here.set("Mailbox", create={"new": {"name": f"box {state}"}})
                states = events.wait(there.account, "Mailbox", state)
            assert states["Mailbox"] == made["newState"]
            changes = there.call("Mailbox/changes", sinceState=state)
            assert changes["created"] == [made["created"]["new"]["id"]]
        large = os.urandom(1_200_000)
        blob = one.upload(large, "application/octet-stream")["blobId"]
        assert two.download(blob) == large


class Writer(threading.Thread):
    """A client that imports mail until its server is gone, and keeps account of what it was told is done."""

    def __init__(self, client: Client, name: str, enough: threading.Event, wanted: int) -> None:
        super().__init__(daemon=True)
        self._client, self._name, self._enough, self._wanted = client, name, enough, wanted
        self.done: list[str] = []
        self.refused: list[dict[str, Any]] = []
        self.stop = threading.Event()

    def run(self) -> None:
        with self._client, contextlib.suppress(OSError, http.client.HTTPException):  # killed, that is
            inbox = self._client.mailboxes()["inbox"]["id"]
            while not self.stop.is_set():
                self._import(inbox)

    def _import(self, inbox: str) -> None:
        subject = f"{self._name} {len(self.done) + len(self.refused)}"
        message = f"From: a@example.org\r\nSubject: {subject}\r\n\r\nText of {subject}.\r\n".encode()
        blob = self._client.upload(message, "message/rfc822")["blobId"]
        answer = self._client.call("Email/import", emails={"m": {"blobId": blob, "mailboxIds": {inbox: True}}})
        if answer["created"]:
            self.done.append(answer["created"]["m"]["id"])
        else:
            self.refused.append(answer["notCreated"])
        if len(self.done) >= self._wanted:
            self._enough.set()


def test_a_node_that_is_killed_loses_nothing_that_it_acknowledged(
    nodes: list[Node], postgres_url: str, tmp_path: Path
) -> None:
    one, two = nodes
    enough = threading.Event()
    writers = [Writer(one.client(), f"one {n}", enough, 15) for n in range(2)]
    survivor = Writer(two.client(), "two", threading.Event(), 15)
    for writer in (*writers, survivor):
        writer.start()
    assert enough.wait(60), [writer.refused for writer in writers]
    one.kill()
    for writer in writers:
        writer.join(30)
    for _ in range(2):  # the account is not left locked by the dead
        enough.clear()
        survivor._enough, survivor._wanted = enough, len(survivor.done) + 5
        assert enough.wait(30), survivor.refused
    survivor.stop.set()
    survivor.join(30)
    acknowledged = {id for writer in (*writers, survivor) for id in writer.done}
    assert [writer.refused for writer in (*writers, survivor)] == [[], [], []]
    with two.client() as client:
        there = set(client.get("Email", list(acknowledged), properties=["id"]))
        assert acknowledged <= there
        inbox = client.mailboxes()["inbox"]
        assert inbox["totalEmails"] - len(acknowledged) in range(len(writers) + 1), "one each may be done but not told"
    with Engine(tmp_path / "command", url=postgres_url) as engine:
        assert verify(engine.store).findings == []
