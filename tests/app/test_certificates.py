"""A whole server with certificates: it takes on new ones by itself and on SIGHUP, and is not led astray by bad ones."""

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.serve_process import MAIL, SECONDS, holder, serving
from tests.support.certificate_files import CertificateFiles, hosts_of
from tests.support.free_port import free_port

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="who holds a connection is asked of Linux")
PROGRAM = [sys.executable, "-c", "from pillarbox.app.cli import main; main()"]


class Tls:
    """The port with TLS of a server under test, and its files."""

    def __init__(self, folder: Path, environ: pytest.MonkeyPatch) -> None:
        self.files = CertificateFiles(folder)
        self.file = self.files.write("a.pem", "mail.example.org")
        self.port = free_port()
        environ.setenv("PILLARBOX_HTTP_TLS_LISTEN", f"127.0.0.1:{self.port}")
        environ.setenv("PILLARBOX_TLS_CERTIFICATES", str(self.file))

    def connect(self) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS)
        return self.files.client("http/1.1").wrap_socket(plain, server_hostname="mail.example.org")

    def shown(self) -> list[str]:
        with self.connect() as client:
            return hosts_of(client)


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tls:
    return Tls(tmp_path, monkeypatch)


def test_all_workers_serve_https_and_know_each_others_sessions(tls: Tls, tmp_path: Path) -> None:
    with serving(tmp_path) as server, contextlib.ExitStack() as open_ones:
        context = tls.files.client("http/1.1")
        session, workers = None, set()
        for _ in range(50):
            plain = socket.create_connection(("127.0.0.1", tls.port), timeout=SECONDS)
            client = context.wrap_socket(plain, server_hostname="mail.example.org", session=session)
            open_ones.enter_context(client)
            client.send(b"GET /healthz/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(15) == b"HTTP/1.1 200 OK"
            assert client.session_reused == (session is not None)
            session = session or client.session
            workers.add(holder(tls.port, client.getsockname()[1]))
            if workers == server.workers:
                return
        raise AssertionError("all connections went to one process")


def test_sighup_takes_on_a_new_certificate_and_lets_requests_finish(tls: Tls, tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        account = server.client().session()["primaryAccounts"][MAIL]
        with tls.connect() as client:
            head = f"POST /jmap/upload/{account}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nExpect: 100-continue\r\n"
            client.send(f"{head}Authorization: {server.client().headers['Authorization']}\r\n\r\n".encode())
            assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            tls.files.write("a.pem", "mail.example.org", "new.example.org")
            server.process.send_signal(signal.SIGHUP)
            server.wait_for("server.reloaded")
            assert tls.shown() == ["mail.example.org", "new.example.org"]
            client.send(b"0123456789")
            assert client.recv(12) == b"HTTP/1.1 201"


def test_sighup_with_a_bad_certificate_changes_nothing_and_says_why(tls: Tls, tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        good = tls.file.read_bytes()
        tls.file.write_text("junk")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("server.reload_refused: .*a.pem: there is no usable certificate in PEM")
        assert tls.shown() == ["mail.example.org"]
        # A worker that takes the place of one that died needs no files.
        for pid in server.workers:
            os.kill(pid, signal.SIGKILL)
        for _ in range(2):
            server.wait_for("process.ready")
        assert tls.shown() == ["mail.example.org"]
        tls.file.write_bytes(good)
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("server.reloaded")


def test_a_worker_that_takes_anothers_place_finds_what_is_new(tls: Tls, tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        # No worker that was there before is to find the new file, and none may begin before it is there.
        workers = server.workers
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            for pid in workers:
                os.kill(pid, signal.SIGKILL)
            tls.files.write("a.pem", "mail.example.org", "new.example.org")
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        for _ in range(2):
            server.wait_for("tls.loaded: .*certificate=mail.example.org")
        assert tls.shown() == ["mail.example.org", "new.example.org"]


def program(*words: str) -> tuple[int, str]:
    run = subprocess.run([*PROGRAM, *words], capture_output=True, text=True, check=False, timeout=30)  # noqa: S603
    return run.returncode, run.stdout + run.stderr


def test_a_server_does_not_start_with_a_bad_certificate_or_without_one_that_it_needs(
    tls: Tls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert program("config", "check")[0] == 0
    assert "Certificate for mail.example.org, good until " in program("config", "check")[1]
    tls.file.write_text("junk")
    for command in (["config", "check"], ["serve", "--data", str(tmp_path / "data")]):
        code, said = program(*command)
        assert (code, "a.pem: there is no usable certificate in PEM" in said) == (3, True), said
    monkeypatch.delenv("PILLARBOX_TLS_CERTIFICATES")
    for command in (["config", "check"], ["serve", "--data", str(tmp_path / "data")]):
        code, said = program(*command)
        assert (code, "http.tls_listen is set, and needs a certificate" in said) == (3, True), said


@pytest.mark.usefixtures("tls")
def test_health_is_asked_over_tls_where_there_is_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path):
        monkeypatch.setenv("PILLARBOX_HTTP_LISTEN", "")
        code, said = program("health", "--json")
        assert (code, json.loads(said)["status"]) == (0, "ok"), said
