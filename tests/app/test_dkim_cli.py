"""`pillarbox dkim` on a store in a temporary folder."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.app.shell import Shell


class DkimShell(Shell):
    """Calls the program, and lists keys."""

    def listed(self) -> list[Any]:
        found: list[Any] = self.json("dkim", "list")
        return found


@pytest.fixture
def shell(tmp_path: Path) -> DkimShell:
    made = DkimShell(tmp_path / "data")
    made.ok("domain", "add", "example.org")
    return made


def test_who_has_no_key_is_told_how_to_get_one(shell: DkimShell) -> None:
    assert "pillarbox dkim create example.org" in shell.ok("dkim", "show", "example.org")


def test_a_key_is_made_shown_and_deleted(shell: DkimShell) -> None:
    text = shell.ok("dkim", "create", "example.org", "--selector", "Mail", "--algorithm", "ed25519-sha256")
    record = shell.listed()[0]["record"]
    line = f'mail._domainkey.example.org. IN TXT "{record}"'
    assert line in text
    shown = shell.ok("dkim", "show", "example.org", "mail")
    assert f"Name: mail._domainkey.example.org\nType: TXT\nText: {record}\n" in shown
    assert line in shown
    shell.ok("dkim", "delete", "example.org", "mail")
    assert shell.listed() == []


def test_a_long_record_is_in_strings_of_255_octets(shell: DkimShell) -> None:
    shell.ok("dkim", "create", "example.org", "--selector", "mail")
    (shown,) = json.loads(shell.ok("dkim", "show", "example.org", "--json"))
    assert [len(each) for each in shown["strings"]] == [255, len(shown["record"]) - 255]
    assert "".join(shown["strings"]) == shown["record"]
    first, second = shown["strings"]
    assert shown["zone"] == f'mail._domainkey.example.org. IN TXT ( "{first}" "{second}" )'


def test_keys_are_rotated_in_two_steps_or_at_once(shell: DkimShell) -> None:
    shell.ok("dkim", "rotate", "example.org", "--now")
    assert {key["state"] for key in shell.listed()} == {"active"}
    printed = shell.ok("dkim", "rotate", "example.org")
    assert printed.count("IN TXT") == 2
    assert sorted(key["state"] for key in shell.listed()) == ["active", "active", "published", "published"]
    again = shell.run("dkim", "rotate", "example.org")
    assert again.exit_code == 1
    assert "wait to be seen" in again.output
    for selector in [key["selector"] for key in shell.listed() if key["state"] == "published"]:
        shell.ok("dkim", "activate", "example.org", selector)
    assert sorted(key["state"] for key in shell.listed()) == ["active", "active", "retired", "retired"]


def test_a_key_that_signs_is_retired_before_it_is_deleted(shell: DkimShell) -> None:
    shell.ok("dkim", "create", "example.org", "--selector", "one", "--algorithm", "ed25519-sha256", "--sign")
    refused = shell.run("dkim", "delete", "example.org", "one")
    assert refused.exit_code == 1
    assert "retire it first" in refused.output
    shell.ok("dkim", "activate", "example.org", "one", "--retire")
    shell.ok("dkim", "delete", "example.org", "one")


def test_a_key_of_another_program_is_brought_and_never_shown_again(shell: DkimShell) -> None:
    secret = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"
    pem = f"-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n"
    words = ("dkim", "create", "example.org", "--algorithm", "ed25519-sha256", "--private-key", "-")
    assert "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" in shell.ok(*words, text=pem)
    for command in (("list",), ("show", "example.org")):
        assert secret not in shell.ok("dkim", *command, "--json")


def test_what_is_not_there_is_refused(shell: DkimShell) -> None:
    for words in (("show", "example.net"), ("delete", "example.org", "none"), ("create", "example.net")):
        assert shell.run("dkim", *words).exit_code == 1
    assert "no key yet" in shell.ok("dkim", "list")
