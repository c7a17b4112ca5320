"""POP3 over several processes: a maildrop is open once, whoever dies, and deletions hold for all."""

import contextlib
import os
import poplib
import signal
import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.serve_process import ALICE, Server, holder, serving
from tests.support.free_port import free_port


@pytest.fixture
def port() -> int:
    """A free port."""
    return free_port()


@contextlib.contextmanager
def sessions(port: int) -> Iterator[tuple[poplib.POP3, poplib.POP3, int]]:
    """Two clients of different processes, and the process of the first."""
    with contextlib.ExitStack() as stack:

        def connect() -> tuple[poplib.POP3, int]:
            client = poplib.POP3("127.0.0.1", port, timeout=20)
            stack.callback(client.close)
            return client, holder(port, client.sock.getsockname()[1])

        first, its = connect()
        for _ in range(50):
            other, process = connect()
            if process != its:
                yield first, other, its
                return
        raise AssertionError("all connections went to one process")


def log_in(client: poplib.POP3) -> int:
    """The number of messages."""
    client.user(ALICE[0])
    client.pass_(ALICE[1])
    return client.stat()[0]


def deliver(server: Server, count: int) -> None:
    with smtplib.LMTP("127.0.0.1", server.lmtp_port) as lmtp:
        for n in range(count):
            lmtp.sendmail("x@example.net", [ALICE[0]], b"Subject: %d\r\n\r\nhello\r\n" % n)


def test_a_maildrop_is_open_once_over_all_workers(tmp_path: Path, port: int) -> None:
    with serving(tmp_path, f'pop3.listen = ["127.0.0.1:{port}"]') as server, sessions(port) as (one, other, _):
        deliver(server, 2)
        assert log_in(one) == 2
        with pytest.raises(poplib.error_proto, match="IN-USE"):
            log_in(other)
        one.dele(1)
        one.quit()
        assert log_in(other) == 1


def test_a_worker_that_is_killed_leaves_no_lock_and_deletes_nothing(tmp_path: Path, port: int) -> None:
    with serving(tmp_path, f'pop3.listen = ["127.0.0.1:{port}"]') as server, sessions(port) as (one, other, process):
        deliver(server, 2)
        log_in(one)
        one.dele(1)
        os.kill(process, signal.SIGKILL)
        server.wait_for(rf"process.died: .*worker={process} ")
        server.wait_for("process.ready")
        assert log_in(other) == 2
