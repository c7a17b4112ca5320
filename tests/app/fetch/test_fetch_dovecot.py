"""Mail is fetched from a Dovecot, where one is installed."""

from __future__ import annotations

import hashlib
import imaplib
import random
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support import dovecot
from tests.support.cutting_proxy import cutting
from tests.support.dovecot import Dovecot
from tests.support.fetch_shell import FetchShell, Mail

pytestmark = pytest.mark.skipif(dovecot.PROGRAM is None, reason="dovecot is not installed")
Begin = Callable[..., "Writer"]
AT = datetime(2023, 4, 5, 6, 7, 8, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[Dovecot]:
    with dovecot.running() as running:
        yield running


def message(number: int, text: str = "") -> bytes:
    head = f"From: a@example.org\r\nSubject: Letter {number:05}\r\nMessage-ID: <{number:05}@example.org>\r\n\r\n"
    return head.encode() + f"Number {number}\r\n{text}\r\n".encode()


class Writer:
    """A session that changes what is on the server."""

    def __init__(self, server: Dovecot, user: str = "alice") -> None:
        self.imap = imaplib.IMAP4("127.0.0.1", server.port)
        self.imap.login(user, dovecot.USERS[user])

    def append(self, folder: str, number: int, flags: str = "", text: str = "") -> None:
        at = imaplib.Time2Internaldate(AT + timedelta(hours=number))
        assert self.imap.append(folder, flags, at, message(number, text))[0] == "OK"

    def select(self, folder: str) -> None:
        assert self.imap.select(folder)[0] == "OK"

    def uid(self, *words: str) -> None:
        assert self.imap.uid(words[0], *words[1:])[0] == "OK"

    def make(self, folder: str, *, subscribe: bool = True) -> None:
        assert self.imap.create(folder)[0] == "OK"
        if subscribe:
            assert self.imap.subscribe(folder)[0] == "OK"


@pytest.fixture
def writing() -> Iterator[Begin]:
    with ExitStack() as stack:

        def begin(server: Dovecot, user: str = "alice") -> Writer:
            writer = Writer(server, user)
            stack.callback(writer.imap.logout)
            return writer

        yield begin


def mail(number: int, *paths: str, keywords: str = "", text: str = "") -> Mail:
    at = (AT + timedelta(hours=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Mail(frozenset(paths), at, frozenset(keywords.split()), message(number, text))


def test_folders_flags_dates_roles_and_subscriptions_come_along(
    server: Dovecot, shell: FetchShell, writing: Callable[..., Writer]
) -> None:
    writer = writing(server)
    writer.make("Gesendet")
    writer.make("Gesendet/2022")
    writer.make("Entw&APw-rfe", subscribe=False)
    writer.make("Empty")
    writer.append("INBOX", 1, r"(\Seen \Flagged $Forwarded Ordinary)")
    writer.append("Gesendet", 2, r"(\Seen \Answered)")
    writer.append("Gesendet/2022", 3)
    writer.append("Entw&APw-rfe", 4, r"(\Draft)")
    writer.append("INBOX", 5, r"(\Deleted)")
    told = shell.fetch(server.tls_port, "--ca-file", server.authority)
    assert (told["copied"], told["duplicates"], told["markedDeleted"]) == (4, 0, 1)
    assert shell.mail() == [
        mail(1, "INBOX", keywords="$seen $flagged $forwarded ordinary"),
        mail(2, "Sent", keywords="$seen $answered"),
        mail(3, "Sent/2022"),
        mail(4, "Entwürfe", keywords="$draft"),
    ]
    boxes = shell.mailboxes()
    assert boxes["Sent"].role == "sent"
    assert {path: boxes[path].is_subscribed for path in ("Empty", "Entwürfe", "Sent/2022", "Drafts")} == {
        "Empty": True,
        "Entwürfe": False,
        "Sent/2022": True,
        "Drafts": True,
    }


def test_a_second_run_brings_what_is_new_has_other_flags_or_is_gone(
    server: Dovecot, shell: FetchShell, writing: Callable[..., Writer]
) -> None:
    writer = writing(server)
    writer.make("Work")
    for number in range(1, 8):
        writer.append("INBOX", number)
    assert shell.fetch(server.port)["copied"] == 7
    again = shell.fetch(server.port)
    assert (again["new"], again["changed"], again["gone"]) == (0, 0, 0)

    writer.select("INBOX")
    writer.uid("STORE", "1", "+FLAGS", r"(\Seen Urgent)")
    writer.uid("STORE", "2", "+FLAGS", r"(\Deleted)")
    writer.uid("MOVE", "3", "Work")
    writer.uid("STORE", "4", "+FLAGS", r"(\Deleted)")
    writer.uid("EXPUNGE", "4")
    writer.append("INBOX", 8)
    dry = shell.fetch(server.port, "--dry-run", "--remove-gone")
    assert (dry["new"], dry["changed"], dry["removed"]) == (2, 2, 3)
    kept = shell.fetch(server.port)
    assert (kept["copied"], kept["duplicates"], kept["changed"], kept["gone"]) == (1, 1, 2, 3)
    assert shell.mail()[:4] == [
        mail(1, "INBOX", keywords="$seen urgent"),
        mail(2, "INBOX"),
        mail(3, "INBOX", "Work"),
        mail(4, "INBOX"),
    ]
    removed = shell.fetch(server.port, "--remove-gone")
    assert (removed["copied"], removed["removed"]) == (0, 2)
    assert shell.mail() == [
        mail(1, "INBOX", keywords="$seen urgent"),
        mail(2, "INBOX"),
        mail(3, "Work"),
        *[mail(number, "INBOX") for number in (5, 6, 7, 8)],
    ]


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_or_doubled_however_often_the_connection_breaks(
    server: Dovecot, shell: FetchShell, seed: int, writing: Callable[..., Writer]
) -> None:
    chance = random.Random(seed)
    writer = writing(server)
    writer.make("Work")
    expected = []
    for number in range(120):
        folder, flags = chance.choice(["INBOX", "Work"]), chance.choice(["", r"(\Seen)", "(Blue)"])
        text = "word " * chance.randrange(4000)
        writer.append(folder, number, flags, text)
        keyword = {"": "", r"(\Seen)": "$seen", "(Blue)": "blue"}[flags]
        expected.append(mail(number, folder, keywords=keyword, text=text))
    cuts = [chance.randrange(1_000, 200_000) for _ in range(30)]
    with cutting(server.port, cuts) as proxy:
        told = shell.fetch(proxy.port)
        assert proxy.connections > 3
    assert (told["copied"], told["duplicates"]) == (120, 0)
    assert shell.mail() == expected


def test_many_accounts_come_from_a_file_by_a_master_user(
    server: Dovecot, shell: FetchShell, tmp_path: Path, writing: Callable[..., Writer]
) -> None:
    for number, user in enumerate(dovecot.USERS):
        writing(server, user).append("INBOX", number)
    file = tmp_path / "accounts.csv"
    file.write_text("user,account\nalice,alice@example.org\nbob,bob@example.org\n")
    name, password = dovecot.MASTER
    told = shell.fetch(server.port, "--accounts", file, "--master-user", name, password=password)
    assert [(one["account"], one["copied"]) for one in told["accounts"]] == [
        ("alice@example.org", 1),
        ("bob@example.org", 1),
    ]
    assert shell.mail("bob@example.org") == [mail(1, "INBOX")]


def test_a_certificate_has_to_be_trusted_by_its_authority_or_its_fingerprint(
    server: Dovecot, shell: FetchShell, writing: Callable[..., Writer]
) -> None:
    writing(server).append("INBOX", 1)
    place = ("fetch", "imap", "--user", "alice", "--account", "alice@example.org", "--from")
    refused = shell.run(*place, f"127.0.0.1:{server.tls_port}")
    assert refused.exit_code == 1
    assert "is not trusted" in refused.stderr
    pem = (server.folder / "cert.pem").read_text()
    fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    wrong = shell.run(*place, f"127.0.0.1:{server.tls_port}", "--fingerprint", "0" * 64)
    assert (wrong.exit_code, fingerprint in wrong.stderr) == (1, True)
    assert shell.fetch(server.port, "--starttls", "--fingerprint", fingerprint)["copied"] == 1


def test_a_prefix_of_the_namespace_is_left_out(shell: FetchShell, writing: Begin) -> None:
    with dovecot.running(separator=".", prefix="INBOX.", format="maildir") as server:
        writer = writing(server)
        writer.make("INBOX.Work.New")
        writer.append("INBOX.Work.New", 1)
        assert shell.fetch(server.port)["copied"] == 1
        assert shell.mail() == [mail(1, "Work/New")]
