"""`pillarbox account sending` on a store in a temporary folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pillarbox.app.engine import Engine
from pillarbox.services.sending_limit import SendingAllowance, SendingLimits
from pillarbox.services.sending_report import report
from tests.app.shell import Shell


class SendingShell(Shell):
    """Calls the program on a store in which alice has sent nearly as much as she may, and bob a little."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "data")
        self.ok("domain", "add", "example.org")
        self.ok("account", "add", "alice@example.org", "--generate")
        self.ok("account", "add", "bob@example.org", "--generate")
        limits = SendingLimits(SendingAllowance(messages_an_hour=5))
        with Engine(self.data) as engine:
            self.ids = {name: id for id, name in engine.account_names().items()}
            for name, count in (("alice@example.org", 5), ("bob@example.org", 1)):
                for _ in range(count):
                    engine.store.write(lambda tx, account=self.ids[name]: limits.take(tx, account, 2))  # type: ignore[misc]
            engine.store.write(lambda tx: report(tx, limits.notices.take(), "mx.example.org"))


@pytest.fixture
def shell(tmp_path: Path) -> SendingShell:
    return SendingShell(tmp_path)


def test_who_is_slowed_is_listed_first_with_the_limit(shell: SendingShell) -> None:
    _, alice, bob, *_ = shell.ok("account", "sending").splitlines()
    assert alice.startswith("alice@example.org")
    assert "slowed at" in alice
    assert "5 messages an hour" in alice
    assert bob.startswith("bob@example.org")
    (one,) = json.loads(shell.ok("account", "sending", "bob@example.org", "--json"))
    assert (one["messagesInHour"], one["recipientsInDay"], one["slowedAt"]) == (1, 2, None)


def test_what_was_counted_can_be_forgotten_for_one(shell: SendingShell) -> None:
    assert shell.run("account", "sending", "--forget").exit_code == 2
    assert "Nothing was sent" in shell.ok("account", "sending", "alice@example.org", "--forget")
    assert "alice" not in shell.ok("account", "sending")
