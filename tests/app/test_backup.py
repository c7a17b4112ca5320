"""The commands backup and restore, as people type them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pillarbox.app.cli import main
from pillarbox.app.engine import Engine
from pillarbox.datatypes.email import EMAIL
from pillarbox.services.mail.mailbox_path import paths_of
from pillarbox.services.submission import Sender
from pillarbox.services.verify.run import verify
from tests.support.mail_house import message

Run = Callable[..., str]


@pytest.fixture
def run() -> Run:
    def call(*words: str, code: int = 0) -> str:
        found = CliRunner().invoke(main, [*words])
        assert found.exit_code == code, found.output + repr(found.exception)
        return found.output

    return call


@pytest.fixture
def data(tmp_path: Path, run: Run) -> tuple[str, ...]:
    """A store with an account that has mail, in a mailbox below another, too; and its options."""
    options = ("--data", str(tmp_path / "data"))
    run("domain", "add", "example.org", *options)
    for name in ("ann", "bob"):
        run("account", "add", f"{name}@example.org", "--password", "a secret of theirs", *options)
    run("account", "set", "ann@example.org", "--quota", "100M", *options)
    run("app-password", "add", "ann@example.org", "phone", *options)
    (tmp_path / "mail").mkdir()
    for number in range(4):
        (tmp_path / "mail" / f"{number}.eml").write_bytes(message(f"Letter {number}", id=f"m{number}"))
    run("import", str(tmp_path / "mail"), "--account", "ann@example.org", "--into", "Work/Letters", *options)
    (tmp_path / "mail" / "0.eml").write_bytes(message("A note", id="n"))
    run("import", str(tmp_path / "mail" / "0.eml"), "--account", "ann@example.org", "--into", "Work", *options)
    return options


@pytest.fixture
def place(tmp_path: Path, run: Run, data: tuple[str, ...]) -> str:
    folder = str(tmp_path / "backups")
    run("backup", "--to", folder, *data)
    return folder


def mail_of(data: tuple[str, ...], name: str = "ann@example.org") -> dict[str, set[str]]:
    """The subjects in each mailbox of an account."""
    with Engine(Path(data[1])) as engine:
        account = engine.find("Account", "name", name)
        assert account is not None
        id = account["id"]
        out: dict[str, set[str]] = {}
        for record in engine.records("Email", account=id):
            paths = engine.store.read(lambda view: paths_of(view, id))
            for box in record["mailboxIds"]:
                out.setdefault("/".join(paths[box]), set()).add(record["subject"])
        return out


def sound(data: tuple[str, ...]) -> bool:
    with Engine(Path(data[1])) as engine:
        report = verify(engine.store)
        assert report.is_sound, report.findings
    return True


LETTERS = {f"Letter {number}" for number in range(4)}
ALL = {"Work/Letters": LETTERS, "Work": {"A note"}}


def lose(data: tuple[str, ...], *subjects: str) -> None:
    """Destroy emails of ann's."""
    with Engine(Path(data[1])) as engine:
        account = engine.find("Account", "name", "ann@example.org")
        assert account is not None
        for record in engine.records(EMAIL.name, account=account["id"]):
            if not subjects or record["subject"] in subjects:
                engine.destroy("Email", record["id"], account["id"])


def test_backup_says_what_it_did_and_lists_it(run: Run, data: tuple[str, ...], place: str) -> None:
    assert "(since the last one): 3 accounts" in run("backup", "--to", place, *data)
    made = json.loads(run("backup", "--to", place, "--keep", "2", "--rate", "100", "--json", *data))
    assert made["pruned"]["deleted"]
    listed = json.loads(run("backup", "list", place, "--json"))
    assert [one["id"] for one in listed] == [made["parent"], made["id"]]
    assert {a["name"] for a in listed[0]["accounts"]} == {"directory", "ann@example.org", "bob@example.org"}
    assert len(run("backup", "list", place).splitlines()) == 2
    assert json.loads(run("backup", "verify", place, "--restore-test", "--json"))["ok"]
    assert "deleted 1:" in run("backup", "prune", place, "--keep", "1")
    assert "Nothing is wrong in 1 backups" in run("backup", "verify", place)


def test_a_damaged_repository_makes_verify_fail(run: Run, place: str) -> None:
    path = next(path for path in Path(place, "packs").rglob("*") if path.is_file())
    path.write_bytes(b"?" + path.read_bytes()[1:])
    assert "is damaged" in run("backup", "verify", place, code=1)


def test_all_comes_back_into_an_empty_directory_and_nowhere_else(
    run: Run, data: tuple[str, ...], place: str, tmp_path: Path
) -> None:
    copy = ("--data", str(tmp_path / "copy"))
    assert "3 accounts" in run("restore", "--from", place, *copy)
    assert mail_of(copy) == ALL
    assert sound(copy)
    assert "is not empty" in run("restore", "--from", place, *copy, code=3)
    assert "is not empty" in run("restore", "--from", place, *data, code=3)
    assert mail_of(data) == ALL


def test_a_removed_account_comes_back_with_all_it_had(run: Run, data: tuple[str, ...], place: str) -> None:
    assert "ann@example.org" in run("restore", "--from", place, "--account", "ann@example.org", *data, code=1)
    run("account", "set", "bob@example.org", "--admin", *data, code=0)
    run("account", "remove", "ann@example.org", "--yes", *data)
    before = json.loads(run("account", "list", "--json", *data))
    outcome = json.loads(run("restore", "--from", place, "--account", "ann@example.org", "--json", *data))
    assert outcome["missing"] == []
    assert mail_of(data) == ALL
    assert sound(data)
    after = {account["name"]: account for account in json.loads(run("account", "list", "--json", *data))}
    assert len(after) == len(before) + 1
    assert after["ann@example.org"]["quotaOctets"] == 100_000_000
    with Engine(Path(data[1])) as engine:
        account = engine.find("Account", "name", "ann@example.org")
        assert account is not None
        assert engine.records("AppPassword", account=account["id"]) == []
        (removal,) = engine.records("AccountRemoval")
        assert removal["name"] == "ann@example.org"
        found = engine.call("Email/query", {"filter": {"text": "letter"}}, account["id"])
        assert len(found["ids"]) == 4


def test_an_account_comes_back_under_another_name_beside_the_first(run: Run, data: tuple[str, ...], place: str) -> None:
    run("restore", "--from", place, "--account", "ann@example.org", "--as", "Again@Example.org", *data)
    assert mail_of(data, "again@example.org") == mail_of(data) == ALL
    assert sound(data)
    refused = run("restore", "--from", place, "--account", "ann@example.org", "--as", "x@no.example", *data, code=1)
    assert "domain" in refused
    assert "has no account" in run("restore", "--from", place, "--account", "eve@example.org", *data, code=1)


def test_what_was_about_to_be_sent_is_not_sent_by_an_account_that_comes_back(
    run: Run, data: tuple[str, ...], tmp_path: Path
) -> None:
    waits, left = send(data, "a@two.example", hold="3600"), send(data, "b@two.example")
    place = str(tmp_path / "backups")
    run("backup", "--to", place, *data)
    run("restore", "--from", place, "--account", "ann@example.org", "--as", "again@example.org", *data)
    before, after = submissions(data), submissions(data, "again@example.org")
    assert (before[waits]["undoStatus"], after[waits]["undoStatus"]) == ("pending", "canceled")
    assert (before[left]["undoStatus"], after[left]["undoStatus"]) == ("final", "final")
    assert before[left]["deliveryStatus"]["b@two.example"]["delivered"] == "queued"
    for id, address in ((waits, "a@two.example"), (left, "b@two.example")):
        status = after[id]["deliveryStatus"][address]
        assert status["delivered"] == "unknown"
        assert status["smtpReply"].startswith("451 4.3.0 restored from a backup, and not sent")
    with Engine(Path(data[1])) as engine:
        entries = engine.store.read(lambda view: view.db.rows("SELECT account, kind, item FROM outbox"))
        ann = account_of(engine, "ann@example.org")
    assert sorted(entries) == [(ann, "relay", left), (ann, "submission", waits)]
    assert sound(data)
    # A whole backup brings the outbox, and what waits waits on.
    copy = ("--data", str(tmp_path / "copy"))
    run("restore", "--from", place, *copy)
    assert submissions(copy) == before


def send(data: tuple[str, ...], to: str, hold: str | None = None) -> str:
    """Submit a letter of ann's; the submission's id."""
    sender = {"email": "ann@example.org", "parameters": {"HOLDFOR": hold} if hold else None}
    with Engine(Path(data[1])) as engine:
        Sender("mx.example.org").connect_rules()
        account = account_of(engine, "ann@example.org")
        given = {
            "identityId": engine.records("Identity", account=account)[0]["id"],
            "emailId": engine.records("Email", account=account)[0]["id"],
            "envelope": {"mailFrom": sender, "rcptTo": [{"email": to, "parameters": None}]},
        }
        return str(engine.create("EmailSubmission", given, account)["id"])


def submissions(data: tuple[str, ...], name: str = "ann@example.org") -> dict[str, dict[str, Any]]:
    with Engine(Path(data[1])) as engine:
        return {one["id"]: one for one in engine.records("EmailSubmission", account=account_of(engine, name))}


def account_of(engine: Engine, name: str) -> str:
    account = engine.find("Account", "name", name)
    assert account is not None
    return str(account["id"])


def test_a_mailbox_comes_back_with_those_below_it_and_twice_is_once(
    run: Run, data: tuple[str, ...], place: str
) -> None:
    lose(data)
    words = ("restore", "--from", place, "--account", "ann@example.org", "--mailbox", "work", "--into", "Back")
    assert "Restored 5." in run(*words, *data)
    assert mail_of(data) == {"Back/Work/Letters": LETTERS, "Back/Work": {"A note"}}
    assert "Already there: 5" in run(*words, *data)
    assert sound(data)
    assert "no mailbox Play" in run(*words[:-4], "--mailbox", "Play", *data, code=1)


def test_a_message_comes_back_by_its_message_id_or_its_id(run: Run, data: tuple[str, ...], place: str) -> None:
    with Engine(Path(data[1])) as engine:
        account = engine.find("Account", "name", "ann@example.org")
        assert account is not None
        ids = {record["subject"]: record["id"] for record in engine.records("Email", account=account["id"])}
    lose(data, "Letter 1", "Letter 2")
    words = ("restore", "--from", place, "--account", "ann@example.org", "--message", "<m1@example.org>")
    run(*words, "--message", ids["Letter 2"], "--into", "Back", *data)
    assert mail_of(data) == {**ALL, "Work/Letters": {"Letter 0", "Letter 3"}, "Back": {"Letter 1", "Letter 2"}}
    run("restore", "--from", place, "--account", "ann@example.org", "--as", "bob@example.org", *words[-2:], *data)
    ((box, subjects),) = mail_of(data, "bob@example.org").items()
    assert box.startswith("Restored 20")
    assert subjects == {"Letter 1"}
    assert "no message m9@x" in run(*words[:-1], "m9@x", *data, code=1)


def test_a_backup_of_one_account_is_not_taken_for_all(run: Run, data: tuple[str, ...], tmp_path: Path) -> None:
    place = str(tmp_path / "one")
    made = json.loads(run("backup", "--to", place, "--account", "ann@example.org", "--json", *data))
    assert {account["name"] for account in made["accounts"]} == {"directory", "ann@example.org"}
    assert "has only ann@example.org" in run("restore", "--from", place, "--data", str(tmp_path / "copy"), code=1)
    run("restore", "--from", place, "--account", "ann@example.org", "--as", "new@example.org", *data)
    assert mail_of(data, "new@example.org") == ALL
    assert "no account eve" in run("backup", "--to", place, "--account", "eve@example.org", *data, code=1)


@pytest.mark.parametrize(
    "words", [(), ("--mailbox", "x"), ("--as", "a@b.example"), ("--account", "a@b.example", "--into", "x")]
)
def test_options_that_belong_together_are_asked_for(run: Run, place: str, words: tuple[str, ...]) -> None:
    run(*(("restore", "--from", place, *words) if words else ("backup",)), code=2)


def test_nothing_is_backed_up_where_there_is_no_store(run: Run, tmp_path: Path) -> None:
    words: tuple[Any, ...] = ("backup", "--to", str(tmp_path / "b"), "--data", str(tmp_path / "none"))
    assert "there is no store" in run(*words, code=3)
    assert not (tmp_path / "none").exists()
