"""Mail in and out by the command line."""

import io
import json
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pillarbox.app.cli import main
from pillarbox.app.engine import Engine
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.mailbox import MAILBOX
from pillarbox.formats.archive import ArchiveFormat, MailboxPath, open_source, open_writer
from pillarbox.services.mail import import_archive as module
from pillarbox.services.mail.import_archive import import_archive
from pillarbox.services.mail.mailbox_path import paths_of
from pillarbox.services.mail.store_batch import Order

AT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def message(number: int, text: str = "") -> bytes:
    head = f"From: Änne <a@example.org>\r\nSubject: Letter {number}\r\nMessage-ID: <{number}@example.org>\r\n\r\n"
    return head.encode() + f"From here on: {number}\r\n>From the quay\r\n.\r\n{text}\r\n".encode()


class Shell:
    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"

    def run(self, *words: object) -> Result:
        arguments = [str(word) for word in words]
        return CliRunner().invoke(main, [*arguments, "--data", str(self.data)], env={"PILLARBOX_CONFIG": None})

    def json(self, *words: object, code: int = 0) -> Any:
        result = self.run(*words, "--json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def mail(self, account: str) -> list[tuple[Any, ...]]:
        """(mailboxes, receivedAt, keywords, octets) of all emails, in the order of their times and texts."""
        with Engine(self.data) as engine:
            id = engine.find("Account", "name", account)["id"]  # type: ignore[index]

            def body(view: Any) -> list[Any]:
                paths = paths_of(view, id)
                emails = view.get_many(EMAIL, id, view.ids(EMAIL, id, -1)).values()
                return [
                    (
                        {paths[box] for box in e.mailbox_ids},
                        e.received_at,
                        frozenset(e.keywords),
                        view.read_blob(id, e.blob_id),
                    )
                    for e in emails
                ]

            return sorted(engine.store.read(body), key=lambda e: (e[1], e[3]))

    def roles(self, account: str) -> dict[str, str | None]:
        with Engine(self.data) as engine:
            id = engine.find("Account", "name", account)["id"]  # type: ignore[index]
            return {box.name: box.role for box in engine.store.read(lambda v: v.all(MAILBOX, id))}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path)
    made.json("domain", "add", "example.org")
    for name in ("alice", "bob"):
        made.json("account", "add", f"{name}@example.org", "--password", "a long password")
    return made


def archive(path: Path, *entries: tuple[list[MailboxPath], bytes, set[str]], format: ArchiveFormat = "zip") -> Path:
    with open_writer(path, format) as writer:
        for paths, data, keywords in entries:
            writer.add(paths, data, AT, frozenset(keywords))
    return path


def letters(*numbers: int, path: MailboxPath = ("INBOX",)) -> list[tuple[list[MailboxPath], bytes, set[str]]]:
    return [([path], message(n), set()) for n in numbers]


def test_mailboxes_keywords_and_dates_come_in(shell: Shell, tmp_path: Path) -> None:
    source = archive(
        tmp_path / "in.zip",
        ([("INBOX",), ("Work", "Letters")], message(1), {"$seen", "harbour"}),
        ([("Spam",)], message(2), set()),
    )
    told = shell.json("import", source, "--account", "alice@example.org")
    assert (told["imported"], told["duplicates"], told["refused"]["count"], told["failure"]) == (2, 0, 0, None)
    assert shell.mail("alice@example.org") == [
        ({("INBOX",), ("Work", "Letters")}, "2024-05-06T07:08:09Z", {"$seen", "harbour", "$imported"}, message(1)),
        ({("Junk",)}, "2024-05-06T07:08:09Z", {"$imported"}, message(2)),
    ]


def test_a_usual_name_means_the_mailbox_with_the_role_unless_one_has_that_very_name(
    shell: Shell, tmp_path: Path
) -> None:
    paths: list[MailboxPath] = [("sent items",), ("Deleted Messages", "Old"), ("inbox", "Lists"), ("Archives",)]
    source = archive(tmp_path / "in.zip", *[([path], message(n), set()) for n, path in enumerate(paths)])
    shell.json("import", source, "--account", "alice@example.org")
    found = {next(iter(boxes)) for boxes, _, _, _ in shell.mail("alice@example.org")}
    assert found == {("Sent",), ("Trash", "Old"), ("INBOX", "Lists"), ("Archive",)}
    assert shell.roles("alice@example.org")["Lists"] is None


def test_a_second_run_stores_nothing_twice(shell: Shell, tmp_path: Path) -> None:
    source = archive(tmp_path / "in.zip", *letters(1, 2))
    shell.json("import", source, "--account", "alice@example.org")
    before = shell.mail("alice@example.org")
    told = shell.json("import", source, "--account", "alice@example.org")
    assert (told["imported"], told["duplicates"], told["filed"]) == (0, 2, 0)
    assert shell.mail("alice@example.org") == before


def test_a_duplicate_gets_the_mailboxes_that_it_lacks(shell: Shell, tmp_path: Path) -> None:
    shell.json("import", archive(tmp_path / "a.zip", *letters(1)), "--account", "alice@example.org")
    told = shell.json("import", tmp_path / "a.zip", "--account", "alice@example.org", "--into", "Work/Kept")
    assert (told["duplicates"], told["filed"]) == (1, 1)
    [(boxes, _, _, _)] = shell.mail("alice@example.org")
    assert boxes == {("INBOX",), ("Work", "Kept")}


def test_duplicates_are_kept_when_asked_for(shell: Shell, tmp_path: Path) -> None:
    source = archive(tmp_path / "in.zip", *letters(1, 1))
    told = shell.json("import", source, "--account", "alice@example.org", "--duplicates", "keep")
    assert told["imported"] == 2
    assert len(shell.mail("alice@example.org")) == 2


def test_the_archives_mailboxes_are_made_below_another(shell: Shell, tmp_path: Path) -> None:
    source = archive(tmp_path / "in.zip", *letters(1, path=("Sent",)))
    shell.json("import", source, "--account", "alice@example.org", "--below", "Old server")
    [(boxes, _, _, _)] = shell.mail("alice@example.org")
    assert boxes == {("Old server", "Sent")}


def test_single_messages_go_to_the_inbox_with_the_time_of_their_trace(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "mails"
    folder.mkdir()
    trace = b"Received: from a by b; Mon, 06 May 2024 09:08:07 +0200\r\n"
    (folder / "one.eml").write_bytes(trace + message(1))
    shell.json("import", folder, "--account", "alice@example.org", "--into", "INBOX")
    [(boxes, at, _, _)] = shell.mail("alice@example.org")
    assert (boxes, at) == ({("INBOX",)}, "2024-05-06T07:08:07Z")


def test_what_cannot_be_stored_is_told_and_stops_nothing(shell: Shell, tmp_path: Path) -> None:
    deep: MailboxPath = tuple(f"level{n}" for n in range(15))
    source = archive(
        tmp_path / "in.zip",
        ([deep], message(1), set()),
        ([("INBOX",)], b"\r\nno header at all\r\n", set()),
        ([("INBOX",)], message(3), set()),
    )
    told = shell.json("import", source, "--account", "alice@example.org", code=1)
    assert (told["imported"], told["refused"]["count"]) == (1, 2)
    reasons = " ".join(r["reason"] for r in told["refused"]["first"])
    assert "deep" in reasons
    assert "no header field" in reasons
    assert "level0" not in shell.roles("alice@example.org")


def test_a_full_quota_refuses_what_does_not_fit(shell: Shell, tmp_path: Path) -> None:
    shell.json("account", "set", "alice@example.org", "--quota-count", "1")
    source = archive(tmp_path / "in.zip", *letters(1, 2, 3))
    told = shell.json("import", source, "--account", "alice@example.org", code=1)
    assert (told["imported"], told["refused"]["count"]) == (1, 2)
    assert len(shell.mail("alice@example.org")) == 1


def test_a_damaged_file_of_an_archive_is_passed_over(shell: Shell, tmp_path: Path) -> None:
    source = archive(tmp_path / "whole.zip", *letters(*range(5)))
    with zipfile.ZipFile(source) as packed:
        cut = packed.infolist()[3].header_offset
    damaged = bytearray(source.read_bytes())
    damaged[cut : cut + 30] = bytes(30)
    (tmp_path / "damaged.zip").write_bytes(damaged)
    told = shell.json("import", tmp_path / "damaged.zip", "--account", "alice@example.org")
    assert (told["imported"], told["skipped"]["count"], told["failure"]) == (4, 1, None)


def test_an_archive_that_ends_too_soon_gives_what_could_be_read(shell: Shell, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "in.tar", "w") as packed:
        for n in range(5):
            entry = tarfile.TarInfo(f"{n}.eml")
            entry.size = len(message(n))
            packed.addfile(entry, io.BytesIO(message(n)))
    whole = (tmp_path / "in.tar").read_bytes()
    (tmp_path / "in.tar").write_bytes(whole[: 3 * 1024] + b"x" * 1024)  # no header of an entry
    told = shell.json("import", tmp_path / "in.tar", "--account", "alice@example.org", code=1)
    assert told["imported"] == 3
    assert told["failure"].startswith("the archive cannot be read to its end")


def test_an_import_that_was_broken_off_goes_on_where_it_was(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_COUNT", 2)
    source = archive(tmp_path / "in.zip", *letters(*range(7)))

    def stop(_position: int) -> None:
        raise KeyboardInterrupt

    with Engine(shell.data) as engine, open_source(source) as opened:
        account = engine.find("Account", "name", "alice@example.org")["id"]  # type: ignore[index]
        with pytest.raises(KeyboardInterrupt):
            import_archive(engine.store, account, opened, Order(), stop)
    assert len(shell.mail("alice@example.org")) == 2
    told = shell.json("import", source, "--account", "alice@example.org")
    assert (told["imported"], told["duplicates"]) == (5, 2)
    assert len(shell.mail("alice@example.org")) == 7


def test_progress_rises_to_the_end_of_the_source(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_COUNT", 2)
    heard: list[int] = []
    with (
        Engine(shell.data) as engine,
        open_source(archive(tmp_path / "in", *letters(*range(5)), format="mbox")) as opened,
    ):
        account = engine.find("Account", "name", "alice@example.org")["id"]  # type: ignore[index]
        import_archive(engine.store, account, opened, Order(), heard.append)
        assert len(heard) == 3
        assert heard == sorted(heard)
        assert heard[-1] == opened.estimate().octets


@pytest.mark.parametrize("format", ["zip", "maildir", "mbox"])
def test_what_was_exported_comes_in_as_it_was(shell: Shell, tmp_path: Path, format: str) -> None:
    source = archive(
        tmp_path / "in.zip",
        ([("INBOX",)], message(1), {"$seen", "$flagged", "harbour"}),
        ([("Work", "Letters & notes"), ("Sent",)], message(2), {"$answered"}),
        ([("Entwürfe/a.b",)], message(3, "Grüße 日本"), {"$draft"}),
    )
    shell.json("import", source, "--account", "alice@example.org")
    assert shell.json("export", tmp_path / "out", "--account", "alice@example.org", "--format", format)["exported"] == 3
    told = shell.json("import", tmp_path / "out", "--account", "bob@example.org")
    assert told["imported"] == 3
    assert shell.mail("bob@example.org") == shell.mail("alice@example.org")
    assert shell.roles("bob@example.org") == shell.roles("alice@example.org")


def test_an_export_never_writes_over_anything(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "out.zip").write_text("mine")
    result = shell.run("export", tmp_path / "out.zip", "--account", "alice@example.org")
    assert result.exit_code == 1
    assert "exists" in result.output
    assert (tmp_path / "out.zip").read_text() == "mine"


def test_an_email_whose_octets_are_gone_is_named_by_the_export(shell: Shell, tmp_path: Path) -> None:
    shell.json("import", archive(tmp_path / "in.zip", *letters(1, 2)), "--account", "alice@example.org")
    with Engine(shell.data) as engine:
        engine.store.write(lambda tx: tx.db.run("DELETE FROM blob WHERE id = (SELECT MIN(id) FROM blob)"))
    told = shell.json("export", tmp_path / "out.zip", "--account", "alice@example.org", code=1)
    assert (told["exported"], told["missing"]["count"]) == (1, 1)


def test_mistakes_of_the_caller_are_told_in_words(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    for words, text in (
        (["import", tmp_path / "none", "--account", "alice@example.org"], "is not there"),
        (["import", tmp_path / "x", "--account", "nobody@example.org"], "there is no account"),
        (["import", tmp_path / "x", "--account", "alice@example.org", "--into", "/"], "a mailbox has a name"),
        (["import", tmp_path / "x", "--account", "alice@example.org", "--into", "a", "--below", "b"], "exclude"),
    ):
        result = shell.run(*words)
        assert result.exit_code != 0
        assert text in result.output
