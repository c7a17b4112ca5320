"""IMAP over several processes: what one does, by whatever protocol, those who wait at the other hear at once."""

import contextlib
import imaplib
import os
import signal
import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.serve_process import ALICE, MAIL, holder, serving
from tests.support.free_port import free_port

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="who holds a connection is asked of Linux")
MESSAGE = b"Subject: hello\r\n\r\ntext\r\n"


@pytest.fixture
def port() -> int:
    """A free port."""
    return free_port()


@contextlib.contextmanager
def sessions(port: int) -> Iterator[tuple[imaplib.IMAP4, imaplib.IMAP4, int]]:
    """Two clients of different processes that have the inbox open, and the process of the first."""
    with contextlib.ExitStack() as stack:

        def connect() -> tuple[imaplib.IMAP4, int]:
            client = imaplib.IMAP4("127.0.0.1", port, timeout=20)
            stack.callback(client.shutdown)
            return client, holder(port, client.sock.getsockname()[1])

        first, its = connect()
        for _ in range(50):
            other, process = connect()
            if process != its:
                for client in (first, other):
                    client.login(*ALICE)
                    client.select("INBOX")
                yield first, other, its
                return
        raise AssertionError("all connections went to one process")


@contextlib.contextmanager
def idling(client: imaplib.IMAP4) -> Iterator[None]:
    client.send(b"i IDLE\r\n")
    assert client.readline().startswith(b"+")
    yield
    client.send(b"DONE\r\n")
    assert hear(client).startswith(b"i OK")


def hear(client: imaplib.IMAP4) -> bytes:
    """The next response but for FLAGS and RECENT."""
    while (line := client.readline()).startswith(b"* FLAGS") or line.endswith(b" RECENT\r\n"):
        pass
    return line


def test_who_waits_at_one_process_hears_what_was_done_at_the_other(tmp_path: Path, port: int) -> None:
    with serving(tmp_path, f'imap.listen = ["127.0.0.1:{port}"]') as server, sessions(port) as (one, other, _):
        with idling(one):
            other.append("INBOX", "", "", MESSAGE)
            assert hear(one) == b"* 1 EXISTS\r\n"
            with smtplib.LMTP("127.0.0.1", server.lmtp_port) as lmtp:
                lmtp.sendmail("x@example.net", [ALICE[0]], MESSAGE)
            assert hear(one) == b"* 2 EXISTS\r\n"
            other.store("1", "+FLAGS", "\\Deleted")
            assert hear(one) == b"* 1 FETCH (UID 1 FLAGS (\\Recent \\Deleted))\r\n"
            other.expunge()
            assert hear(one) == b"* 1 EXPUNGE\r\n"
            jmap = server.client()
            account = str(jmap.session()["primaryAccounts"][MAIL])
            (id,) = jmap.call("Email/query", {}, account)["ids"]
            jmap.call("Email/set", {"update": {id: {"keywords/$flagged": True}}}, account)
            assert hear(one) == b"* 1 FETCH (UID 2 FLAGS (\\Recent \\Flagged $hasnoattachment))\r\n"
            jmap.call("Email/set", {"destroy": [id]}, account)
            assert hear(one) == b"* 1 EXPUNGE\r\n"
        assert other.noop()[0] == "OK"
        assert other.uid("SEARCH", "ALL") == ("OK", [b""])


def test_an_app_password_that_is_taken_back_ends_what_it_has_opened_everywhere(tmp_path: Path, port: int) -> None:
    with serving(tmp_path, f'imap.listen = ["127.0.0.1:{port}"]') as server, sessions(port) as (one, other, _):
        jmap = server.client()
        account = str(jmap.session()["primaryAccounts"][MAIL])
        made = jmap.call("AppPassword/set", {"create": {"a": {"label": "phone"}}}, account)["created"]["a"]
        phones = [one, other]
        for client in phones:
            client.send(b"u UNAUTHENTICATE\r\n")
            assert client.readline().startswith(b"u OK")
            client.state = "NONAUTH"
            client.login(ALICE[0], made["secret"])
            client.select("INBOX")
            client.send(b"i IDLE\r\n")
            assert client.readline().startswith(b"+")
        jmap.call("AppPassword/set", {"destroy": [made["id"]]}, account)
        for client in phones:
            assert client.readline().startswith(b"* BYE")


def test_a_worker_that_is_killed_takes_nothing_with_it_that_was_answered(tmp_path: Path, port: int) -> None:
    with (
        serving(tmp_path, f'imap.listen = ["127.0.0.1:{port}"]') as server,
        sessions(port) as (one, other, process),
    ):
        one.append("INBOX", "(\\Seen)", "", MESSAGE)
        one.send(b"a APPEND INBOX {3000000}\r\n")
        assert one.readline().startswith(b"+")
        one.send(b"x" * 1_500_000)
        os.kill(process, signal.SIGKILL)
        server.wait_for(rf"process.died: .*worker={process} ")
        assert not list((tmp_path / "data").glob("spool/*"))
        assert other.noop()[0] == "OK"
        assert other.fetch("1:*", "(FLAGS)") == ("OK", [b"1 (FLAGS (\\Recent \\Seen))"])
        fresh = imaplib.IMAP4("127.0.0.1", port, timeout=20)
        fresh.login(*ALICE)
        assert fresh.select("INBOX") == ("OK", [b"1"])
        fresh.logout()
        assert server.stop() == 0
