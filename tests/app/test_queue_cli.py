"""`pillarbox queue` on a store in a temporary folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pillarbox.app.engine import Engine
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.envelope import Address
from pillarbox.services.queue import PERSONAL, Outgoing, enqueue, throttling
from pillarbox.services.queue_throttle import THROTTLING, Throttles
from pillarbox.storage import lane
from pillarbox.storage.lane import Claimer
from tests.app.shell import Shell

CONFIG = """
hostname = "mx.example.org"
[relay]
routes = ["to:other.example smtp://relay.example:2525"]
"""


class QueueShell(Shell):
    """Calls the program on a store with mail in its queue."""

    def __init__(self, folder: Path) -> None:
        data, config = folder / "data", folder / "pillarbox.toml"
        super().__init__(data, "--data", str(data), "-c", str(config))
        config.write_text(CONFIG)
        self.ok("domain", "add", "example.org")
        self.ok("account", "add", "alice@example.org", "--generate")
        with Engine(self.data) as engine:
            (self.alice,) = [id for id, name in engine.account_names().items() if name == "alice@example.org"]
            out = Outgoing(
                account=self.alice,
                data=b"From: alice@example.org\r\nSubject: Plans\r\n\r\nhello\r\n",
                mail_from=Address("alice@example.org"),
                recipients=[Address("bob@one.example"), Address("carol@two.example")],
                item="x4k9",
            )
            engine.store.write(lambda tx: enqueue(tx, out))

    def listed(self, *words: str) -> dict[str, Any]:
        return {one["recipient"]: one for one in self.json("queue", "list", *words)["list"]}

    def inbox(self) -> list[bytes]:
        with Engine(self.data) as engine, engine.store.snapshot() as view:
            emails = view.all(EMAIL, self.alice)
            return [view.read_blob(self.alice, email.blob_id) or b"" for email in emails]


@pytest.fixture
def shell(tmp_path: Path) -> QueueShell:
    return QueueShell(tmp_path)


def test_the_queue_is_listed_and_one_message_shown(shell: QueueShell) -> None:
    text = shell.ok("queue", "list")
    assert "bob@one.example" in text
    assert "carol@two.example" in text
    assert shell.listed("--destination", "two.example").keys() == {"carol@two.example"}
    id = shell.listed()["bob@one.example"]["id"]
    assert "one.example" in shell.ok("queue", "show", id)
    assert shell.json("queue", "show", id)["sender"] == "alice@example.org"
    few = shell.run("queue", "list", "--limit", "1")
    assert "and 1 more" in few.output


def test_a_message_is_found_by_the_id_that_the_reply_to_it_had(shell: QueueShell) -> None:
    assert shell.listed("--id", "x4k9").keys() == {"bob@one.example", "carol@two.example"}
    assert shell.listed("--id", "x4k9", "--recipient", "bob").keys() == {"bob@one.example"}
    assert shell.listed("--id", "x4k") == {}
    assert shell.listed()["bob@one.example"]["acceptedAs"] == "x4k9"
    assert shell.ok("queue", "hold", "--id", "x4k9") == "Held: 2.\n"


def test_messages_are_held_and_released(shell: QueueShell) -> None:
    assert shell.ok("queue", "hold", "--recipient", "bob") == "Held: 1.\n"
    assert shell.listed("--status", "held").keys() == {"bob@one.example"}
    assert shell.run("queue", "retry", shell.listed()["bob@one.example"]["id"]).exit_code == 1
    assert shell.ok("queue", "release", "--all") == "Released: 2.\n"
    assert shell.listed("--status", "held") == {}


def test_messages_are_sent_another_way(shell: QueueShell) -> None:
    shell.ok("queue", "reroute", "--route", "smtp:relay.example:2525", "--recipient", "carol")
    assert shell.listed()["carol@two.example"]["destination"] == "smtp:relay.example:2525"
    wrong = shell.run("queue", "reroute", "--route", "nowhere", "--all")
    assert wrong.exit_code == 1
    assert "there is no route nowhere; there are: direct, smtp:relay.example:2525" in wrong.output


def test_the_sender_of_a_dropped_message_hears_of_it_unless_it_is_dropped_in_silence(shell: QueueShell) -> None:
    shell.ok("queue", "drop", "--silent", "--recipient", "carol")
    assert shell.inbox() == []
    shell.ok("queue", "drop", "--recipient", "bob")
    (report,) = shell.inbox()
    assert b"bob@one.example" in report
    assert b"an administrator took the message out of the queue" in report
    assert b"postmaster@mx.example.org" in report
    assert shell.listed() == {}


def test_what_waits_for_a_throttle_says_for_which_and_until_when(
    shell: QueueShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(THROTTLING, "throttles", Throttles(["to:one.example 1/day"]))
    with Engine(shell.data) as engine:
        by = Claimer("one", 60_000, throttling=throttling(THROTTLING.throttles))
        out = Outgoing(
            account=shell.alice,
            data=b"Subject: More\r\n\r\n",
            mail_from=Address("alice@example.org"),
            recipients=[Address("dave@one.example"), Address("erin@one.example")],
        )
        engine.store.write(lambda tx: enqueue(tx, out))
        for n in range(4):
            engine.store.write(lambda tx, n=n: lane.claim(tx.db, PERSONAL, tx.now_ms, by, f"l{n}", lambda _: 9))  # type: ignore[misc]
    found = shell.listed("--status", "throttled")
    assert len(found) == 2
    (one, _) = found.values()
    assert one["throttledBy"] == "to:one.example per day"
    assert one["throttledUntil"] > one["queuedAt"]
    assert f"throttled until {one['throttledUntil']} or later by to:one.example per day" in shell.ok("queue", "list")
    assert "throttledBy" in shell.ok("queue", "show", one["id"])
    assert shell.listed("--status", "due") == {}


def test_what_is_not_there_and_what_is_not_said_is_told(shell: QueueShell) -> None:
    assert "there is no message nothing in the queue" in shell.run("queue", "show", "nothing").output
    assert "say which" in shell.run("queue", "drop").output
    assert "there is no message nothing in the queue" in shell.run("queue", "drop", "nothing").output
    assert shell.listed().keys() == {"bob@one.example", "carol@two.example"}
