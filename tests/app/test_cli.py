"""The command line on a store in a temporary folder."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from pillarbox.app.cli import COMMANDS, main
from pillarbox.app.cli.account import Octets
from pillarbox.app.engine import Engine
from pillarbox.services.authentication import Authentication
from tests.app.shell import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path / "data")
    made.ok("domain", "add", "example.org")
    return made


def test_every_command_has_help() -> None:
    for command in COMMANDS:
        assert CliRunner().invoke(main, [command, "--help"]).exit_code == 0


def test_a_password_from_standard_input_logs_in(shell: Shell) -> None:
    shell.ok("account", "add", "alice@example.org", "--password-stdin", text="correct horse\n")
    with Engine(shell.data) as engine:
        authentication = Authentication(engine.store.clock)
        held = engine.store.read(lambda v: authentication.log_in(v, "alice@example.org", "correct horse", ""))
    assert held.login.caller.username == "alice@example.org"


def test_a_password_that_was_made_up_is_printed_and_a_given_one_is_not(shell: Shell) -> None:
    made = shell.json("account", "add", "alice@example.org")
    assert len(made["password"]) == 24
    assert "secret-word" not in shell.ok(
        "account", "set", "alice@example.org", "--password-stdin", text="secret-word\n"
    )
    assert "Password: " in shell.ok("account", "set", "alice@example.org", "--generate")


def test_accounts_are_listed_changed_and_removed(shell: Shell) -> None:
    shell.ok("account", "add", "alice@example.org", "--generate", "--admin")
    shell.ok("account", "add", "team@example.org", "--group", "--delegate", "alice@example.org:read", "--quota", "2G")
    (alice, team) = shell.json("account", "list")
    assert team["delegates"] == {alice["id"]: "read"}
    assert team["quotaOctets"] == 2_000_000_000
    changed = shell.json(
        "account", "set", "team@example.org", "--delegate", "alice@example.org:none", "--quota", "none"
    )
    assert (changed["delegates"], changed["quotaOctets"]) == ({}, None)
    assert "alice@example.org" in shell.ok("account", "list")
    assert "is kept until" in shell.ok("account", "remove", "team@example.org", "--yes")
    assert [a["name"] for a in shell.json("account", "list")] == ["alice@example.org"]


def test_a_removal_that_is_not_confirmed_removes_nothing(shell: Shell) -> None:
    shell.ok("account", "add", "alice@example.org", "--generate")
    assert shell.run("account", "remove", "alice@example.org", text="n\n").exit_code == 1
    assert len(shell.json("account", "list")) == 1


def test_aliases_and_domains_are_changed(shell: Shell) -> None:
    shell.ok("account", "add", "alice@example.org", "--generate")
    shell.ok("alias", "add", "info@example.org", "alice@example.org")
    assert shell.json("alias", "set", "info@example.org", "--disable")["isEnabled"] is False
    assert "alice@example.org" in shell.ok("alias", "list")
    assert shell.json("domain", "set", "example.org", "--catch-all", "alice@example.org")["catchAll"] is not None
    assert shell.json("domain", "set", "example.org", "--separator", "none")["subaddressSeparator"] is None
    shell.ok("alias", "remove", "info@example.org")
    assert shell.json("alias", "list") == []


def test_the_key_for_push_services_is_replaced_and_shown(shell: Shell) -> None:
    (first,) = shell.json("push-key", "show")
    assert first["publicKey"] not in ("", shell.json("push-key", "rotate")["publicKey"])
    (second,) = shell.json("push-key", "show")
    assert (second["retiredAt"], second["subscriptions"]) == (None, 0)
    assert second["publicKey"] in shell.ok("push-key", "show")
    assert "The key is now" in shell.ok("push-key", "rotate", "--forget-old")


def test_an_app_password_is_printed_once_and_removed_by_its_label(shell: Shell) -> None:
    shell.ok("account", "add", "alice@example.org", "--generate")
    made = shell.json("app-password", "add", "alice@example.org", "phone", "--scope", "mail")
    assert made["secret"].startswith("pbx_")
    (listed,) = shell.json("app-password", "list", "alice@example.org")
    assert (listed["secret"], listed["scope"]) == (None, ["mail"])
    shell.ok("app-password", "remove", "alice@example.org", "phone")
    assert shell.json("app-password", "list", "alice@example.org") == []


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["account", "add", "a@nowhere.example", "--generate"], 1, "there is no domain nowhere.example"),
        (["account", "set", "a@example.org", "--disable"], 1, "pillarbox account list"),
        (["account", "add", "a@example.org", "--password", "short"], 1, "at least 8 characters"),
        (["account", "add", "a@example.org", "--quota", "2Q"], 2, "no size such as"),
        (["domain", "set", "example.org"], 1, "say what to change"),
        (["domain", "add", "EXAMPLE.org"], 1, "another record has the same name"),
        (["domain", "frobnicate"], 2, "No such command"),
    ],
)
def test_a_mistake_is_told_with_what_to_do(shell: Shell, words: list[str], code: int, told: str) -> None:
    result = shell.run(*words) if words[-1] != "frobnicate" else CliRunner().invoke(main, words)
    assert (result.exit_code, told in result.output) == (code, True), result.output


def test_a_configuration_that_is_wrong_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("dta = 1")
    result = CliRunner().invoke(main, ["config", "check", "-c", str(file)])
    assert (result.exit_code, "did you mean data?" in result.output) == (3, True)


def test_config_show_says_where_the_data_is(shell: Shell) -> None:
    (row,) = [r for r in shell.json("config", "show") if r["key"] == "data"]
    assert row == {"key": "data", "value": str(shell.data), "from": "the command line"}


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_completion(name: str) -> None:
    output = CliRunner().invoke(main, ["completion", name]).output
    assert "_PILLARBOX_COMPLETE" in output


@pytest.mark.parametrize(("text", "octets"), [("500M", 500_000_000), ("7", 7), ("none", "none")])
def test_a_size_is_read(text: str, octets: object) -> None:
    assert Octets().convert(text, None, None) == octets


def test_aliases_lead_elsewhere_and_expire(shell: Shell) -> None:
    shell.ok("account", "add", "alice@example.org", "--generate")
    made = shell.json("alias", "add", "*@example.org", "alice@example.org", "X@far.test")
    assert (len(made["targets"]), made["forwardTo"]) == (1, ["X@far.test"])
    assert "alice@example.org, X@far.test" in shell.ok("alias", "list")
    changed = shell.json("alias", "set", "*@example.org", "--target", "y@far.test", "--expires", "2030-01-31T08:00:00Z")
    assert (changed["targets"], changed["forwardTo"], changed["expiresAt"]) == (
        [],
        ["y@far.test"],
        "2030-01-31T08:00:00Z",
    )
    assert shell.json("alias", "set", "*@example.org", "--expires", "none")["expiresAt"] is None


def test_lists_have_members_that_come_and_go(shell: Shell) -> None:
    for name in ("alice", "bob"):
        shell.ok("account", "add", f"{name}@example.org", "--generate")
    made = shell.json(
        "list", "add", "team@example.org", "bob@example.org", "C@far.test", "--owner", "alice@example.org"
    )
    assert (len(made["members"]), made["memberAddresses"], made["posting"]) == (1, ["C@far.test"], "members")
    shell.ok("list", "set", "team@example.org", "--add-member", "alice@example.org", "--remove-member", "c@far.test")
    assert shell.ok("list", "show", "team@example.org").split() == ["alice@example.org", "bob@example.org"]
    assert shell.json("list", "set", "team@example.org", "--posting", "owners")["posting"] == "owners"
    assert "team@example.org" in shell.ok("list", "list")
    shell.ok("list", "remove", "team@example.org")
    assert shell.json("list", "list") == []


def test_an_account_forwards_and_a_domain_is_another_ones_alias(shell: Shell) -> None:
    shell.ok("account", "add", "alice@example.org", "--generate", "--forward", "a@far.test", "--no-copy")
    (alice,) = shell.json("account", "list")
    assert (alice["forwardTo"], alice["keepsCopy"], alice["mayForward"]) == (["a@far.test"], False, True)
    changed = shell.json("account", "set", "alice@example.org", "--forward", "none", "--may-not-forward")
    assert (changed["forwardTo"], changed["mayForward"]) == ([], False)
    shell.ok("domain", "add", "example.net", "--alias-of", "example.org")
    changed = shell.json("domain", "set", "example.org", "--subdomains", "--detail-mailboxes")
    assert changed["takesSubdomains"]
    assert changed["detailMailboxes"]
    assert "example.org" in shell.ok("domain", "list")


def test_the_key_of_reverse_paths_is_replaced(shell: Shell) -> None:
    assert "0 of before" in shell.ok("srs-key", "rotate")
    assert "1 of before" in shell.ok("srs-key", "rotate")
    assert ["2 of before" in shell.ok("srs-key", "rotate") for _ in range(2)] == [True, True]
