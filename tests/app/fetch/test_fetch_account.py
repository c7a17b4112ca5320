"""Whose mail is fetched, and as whom: logging in, many accounts, and mistakes of whoever calls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pillarbox.app import fetching
from pillarbox.app.engine import Engine
from pillarbox.app.fetching import Errand
from pillarbox.net.imap_client import Endpoint
from pillarbox.services.fetch.job import Choices
from pillarbox.services.fetch.login import Credentials
from pillarbox.services.fetch.outcome import Outcome
from pillarbox.services.fetch.route import Wishes
from tests.support.fetch_shell import FetchShell, Meter
from tests.support.imap_source import GMAIL, Folder, Message, Source, letter, letters

Serve = Callable[..., Source]


# --- logging in


def test_a_token_is_read_again_at_each_login(
    shell: FetchShell, serve: Serve, tmp_path: Path, waits: list[float]
) -> None:
    source = serve(
        {"INBOX": Folder(letters(*range(1, 9)))}, capabilities=GMAIL, passwords={"alice": "first"}, deadly={5}
    )
    file = tmp_path / "token"
    file.write_text("first\n")
    waited = waits.append

    def renew(_meter: Meter, seconds: float) -> None:
        waited(seconds)
        source.passwords["alice"] = "second"
        file.write_text("second\n")
        source.deadly.clear()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Meter, "wait", renew)
        assert shell.fetch(source.port, "--token-file", file)["copied"] == 8


def test_a_token_that_is_refused_says_so(shell: FetchShell, serve: Serve) -> None:
    source = serve({}, capabilities=GMAIL)
    told = shell.fetch(source.port, code=1, PILLARBOX_FETCH_TOKEN="stale")
    assert told["failure"].endswith("the token is too old")


def test_a_password_goes_by_login_where_there_is_no_sasl_and_survives_quoting(shell: FetchShell, serve: Serve) -> None:
    password = 'qu"ote\\ and ümlaut'
    source = serve({"INBOX": Folder(letters(1))}, capabilities="IMAP4rev1", passwords={"alice": password})
    assert shell.fetch(source.port, password=password)["copied"] == 1
    told = shell.fetch(source.port, password="wrong", code=1)
    assert told["failure"] == "the server refused the login of alice: wrong"


def test_login_is_not_tried_where_it_is_disabled(shell: FetchShell, serve: Serve) -> None:
    source = serve({}, capabilities="IMAP4rev1 LOGINDISABLED")
    told = shell.fetch(source.port, code=1)
    assert told["failure"].startswith("the server takes no passwords here")
    assert not any(command.startswith("LOGIN") for command in source.commands)


# --- many accounts, and mistakes of whoever calls


def test_many_accounts_come_from_a_file_and_one_that_fails_does_not_stop_the_others(
    shell: FetchShell, serve: Serve, tmp_path: Path
) -> None:
    source = serve({"INBOX": Folder(letters(1))}, passwords={"a": "x,y", "b": "z"})
    file = tmp_path / "accounts.csv"
    file.write_text(
        "Host,user,password,account\n"
        f'127.0.0.1:{source.port},a,"x,y",alice@example.org\n'
        f"127.0.0.1:{source.port},b,wrong,bob@example.org\n"
    )
    told = shell.fetch(source.port, "--accounts", file, code=1)
    assert [(one["user"], one["copied"], one["failure"]) for one in told["accounts"]] == [
        ("a", 1, None),
        ("b", 0, "the server refused the login of b: wrong"),
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("user,account,colour\n", "what is 'colour'?"),
        ("user,account\na\n", "line 2: there are not as many values as columns"),
        ("user,account\n,alice@example.org\n", "line 2: an account has a host (or --from), a user and an account"),
        ("user,account\na,nobody@example.org\n", "line 2: there is no account nobody@example.org"),
        ("user,account\na,alice@example.org\na,alice@example.org\n", "line 3: a at localhost was named before"),
        ("user,account\n", "names no account"),
    ],
)
def test_a_file_of_accounts_that_is_wrong_is_refused_before_anything_is_done(
    shell: FetchShell, tmp_path: Path, text: str, complaint: str
) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text(text)
    result = shell.run("fetch", "imap", "--from", "localhost", "--accounts", file)
    assert result.exit_code == 1
    assert complaint in result.stderr


def test_whoever_interrupts_many_fetches_need_not_wait_for_a_server(
    shell: FetchShell, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the real meter ends what waits
    quick = serve({"INBOX": Folder(letters(1))})
    stuck = serve({"INBOX": Folder(letters(*range(1, 9)))}, silent={5})

    def interrupt(_errand: Errand, _outcome: Outcome) -> None:
        raise KeyboardInterrupt

    with Engine(shell.data) as engine:
        account = shell.account_id("alice@example.org")
        errands = [
            Errand(
                Endpoint("127.0.0.1", source.port, "none", timeout_seconds=600),
                Credentials("alice", lambda: "secret-a"),
                account,
                "alice@example.org",
            )
            for source in (stuck, quick)
        ]
        with pytest.raises(KeyboardInterrupt):
            fetching.Fetcher(engine.store, Wishes(), Choices()).run(errands, 2, interrupt)


def test_a_store_on_postgresql_is_filled_as_well(postgres_url: str, tmp_path: Path, serve: Serve) -> None:
    shell = FetchShell(tmp_path, PILLARBOX_STORAGE_URL=postgres_url)
    source = serve({"INBOX": Folder(letters(1, 2, 3)), "Work": Folder(letters(3, 4))})
    told = shell.fetch(source.port)
    assert (told["copied"], told["duplicates"]) == (4, 1)
    source.folders["INBOX"].messages[1].flags, source.folders["INBOX"].messages[1].modseq = r"\Seen", 9
    del source.folders["Work"].messages[3]
    told = shell.fetch(source.port, "--remove-gone")
    assert (told["copied"], told["changed"], told["removed"]) == (0, 1, 1)
    assert shell.run("verify-data").exit_code == 0


def test_two_fetches_of_one_account_do_not_run_at_a_time(shell: FetchShell, serve: Serve) -> None:
    source = serve({"INBOX": Folder(letters(1))})
    shell.fetch(source.port)
    told: list[str] = []

    def once_more(_meter: Meter, _octets: int) -> None:
        told.append(shell.fetch(source.port, code=1)["failure"])

    source.folders["INBOX"].messages[2] = letter(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Meter, "advance", once_more)
        assert shell.fetch(source.port)["copied"] == 1
    assert told == ["another fetch of this account is running"]


def test_the_report_for_people_says_what_came_and_what_did_not(shell: FetchShell, serve: Serve) -> None:
    source = serve({"INBOX": Folder({**letters(1, 2, 3), 4: Message(letter(4).data, r"\Deleted")})}, refused={2})
    result = shell.run(
        "fetch", "imap", "--from", f"127.0.0.1:{source.port}", "--user", "alice", "--account", "alice@example.org",
        "--insecure-plain",
    )  # fmt: skip
    assert result.exit_code == 1
    assert "Fetched 2." in result.stdout
    assert "Marked as deleted there, and left out: 1." in result.stdout
    assert "INBOX UID 2: the server did not give it: the message is damaged" in result.stderr
