"""`pillarbox suppression` on a store in a temporary folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.app.shell import Shell


class SuppressionShell(Shell):
    """Calls the program."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "data")
        self.ok("domain", "add", "example.org")
        self.ok("account", "add", "alice@example.org", "--generate")

    def addresses(self, *words: str) -> list[str]:
        return [one["address"] for one in json.loads(self.ok("suppression", "list", "--json", *words))]


@pytest.fixture
def shell(tmp_path: Path) -> SuppressionShell:
    return SuppressionShell(tmp_path)


def test_addresses_are_added_shown_and_removed(shell: SuppressionShell) -> None:
    assert "all addresses" in shell.ok("suppression", "list")
    shell.ok("suppression", "add", "Bob@Two.test", "--reason", "asked for it")
    shell.ok("suppression", "add", "bob@two.test", "--account", "alice@example.org", "--days", "3")
    shell.ok("suppression", "add", "eve@two.test")
    assert shell.addresses() == ["bob@two.test", "bob@two.test", "eve@two.test"]
    assert shell.addresses("--account", "alice@example.org") == ["bob@two.test"]
    table = shell.ok("suppression", "list")
    assert "asked for it" in table
    assert "everybody" in table
    assert "alice@example.org" in table
    gone = json.loads(shell.ok("suppression", "remove", "BOB@two.test", "--json"))
    assert (gone["address"], len(gone["ids"])) == ("bob@two.test", 2)
    assert shell.addresses() == ["eve@two.test"]


def test_removing_for_one_account_leaves_what_holds_for_all(shell: SuppressionShell) -> None:
    shell.ok("suppression", "add", "bob@two.test")
    refused = shell.run("suppression", "remove", "bob@two.test", "--account", "alice@example.org")
    assert refused.exit_code != 0
    assert "suppression list" in refused.output
    assert shell.addresses() == ["bob@two.test"]
    assert shell.run("suppression", "add", "nobody").exit_code != 0
