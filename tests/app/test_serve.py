"""`pillarbox serve` as it runs: two workers that die, hear of each other, share limits, reload and stop."""

import json
import os
import signal
import smtplib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.serve_process import MAIL, Client, Server, serving

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="who holds a connection is asked of Linux")
UPLOAD = 2000
VAPID = "urn:ietf:params:jmap:webpush-vapid"


def mail_account(server: Server) -> str:
    return str(server.client().session()["primaryAccounts"][MAIL])


def test_a_worker_that_is_killed_is_replaced_and_what_it_had_under_way_is_not_counted(tmp_path: Path) -> None:
    with serving(tmp_path, "limits.max_concurrent_upload = 1") as server:
        account = mail_account(server)
        one, other = server.clients()
        victim = one.pid
        one.begin_upload(account, UPLOAD)
        assert other.ask("POST", f"/jmap/upload/{account}/", b"y")[0] == 429
        os.kill(victim, signal.SIGKILL)
        server.wait_for(rf"process.died: .*worker={victim} ")
        fresh = int(server.wait_for(r"process.ready: .*pid=(\d+)")[1])
        assert server.workers == {other.pid, fresh}
        assert other.ask("POST", f"/jmap/upload/{account}/", b"y")[0] == 201
        assert {client.pid for client in server.clients()} == {other.pid, fresh}
        assert server.stop() == 0


def test_a_change_in_one_worker_is_seen_on_an_event_stream_of_the_other(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        account = mail_account(server)
        one, other = server.clients()
        stream = other.events()
        while stream.readline() != b"\n":
            pass
        made = one.call("Mailbox/set", {"create": {"m": {"name": "Projects"}}}, account)
        assert stream.readline() == b"event: state\n"
        stream.readline()
        assert made["newState"].encode() in stream.readline()


def test_limits_hold_over_all_workers(tmp_path: Path) -> None:
    with serving(tmp_path, "limits.max_concurrent_upload = 1") as server:
        account = mail_account(server)
        one, other = server.clients()
        one.begin_upload(account, UPLOAD)
        status, problem = other.ask("POST", f"/jmap/upload/{account}/", b"y")
        assert (status, problem["limit"]) == (429, "maxConcurrentUpload")
        assert one.end_upload(UPLOAD) == 201
        assert other.ask("POST", f"/jmap/upload/{account}/", b"y")[0] == 201


def test_an_address_has_so_many_requests_through_a_proxy_over_all_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PILLARBOX_HTTP_TRUSTED_PROXIES", "127.0.0.1")
    with serving(tmp_path, "limits.max_connections_per_address = 1") as server:
        account = mail_account(server)
        one, other = server.clients()
        one.headers["X-Forwarded-For"] = other.headers["X-Forwarded-For"] = "192.0.2.1"
        one.begin_upload(account, UPLOAD)
        assert other.ask("GET", "/jmap/session")[0] == 429
        other.headers["X-Forwarded-For"] = "192.0.2.2"
        assert other.ask("GET", "/jmap/session")[0] == 200
        server.wait_for("http.too_many_connections: .*address=192.0.2.1 ")
        assert one.end_upload(UPLOAD) == 201
        other.headers["X-Forwarded-For"] = "192.0.2.1"
        # The place is free a moment after the answer is sent, and another process may be quicker than that.
        assert 200 in (other.ask("GET", "/jmap/session")[0] for _ in range(1_000))


def test_a_key_that_a_command_replaces_is_told_by_every_worker(tmp_path: Path) -> None:
    def told(client: Client) -> str:
        return str(client.session()["capabilities"][VAPID]["applicationServerKey"])

    with serving(tmp_path) as server:
        clients = server.clients()
        (before,) = {told(client) for client in clients}
        program = [sys.executable, "-c", "from pillarbox.app.cli import main; main()", "push-key", "rotate", "--json"]
        done = subprocess.run([*program, "-c", str(server.config)], stdout=subprocess.PIPE, check=True)  # noqa: S603
        after = json.loads(done.stdout)["publicKey"]
        assert after != before
        for client in clients:
            assert any(told(client) == after for _ in range(100_000))  # noticed within a second


def test_what_one_worker_takes_back_is_cut_off_in_the_other(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        account = mail_account(server)
        one, _ = server.clients()
        made = one.call("AppPassword/set", {"create": {"p": {"label": "phone"}}}, account)["created"]["p"]
        phones = server.clients(("alice@example.org", made["secret"]))
        assert [phone.ask("GET", "/jmap/session")[0] for phone in phones] == [200, 200]
        assert one.call("AppPassword/set", {"destroy": [made["id"]]}, account)["destroyed"] == [made["id"]]
        assert [phone.ask("GET", "/jmap/session")[0] for phone in phones] == [401, 401]


def test_mail_that_one_worker_takes_in_is_there_in_both(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        account = mail_account(server)
        clients = server.clients()
        for n in range(4):
            with smtplib.LMTP("127.0.0.1", server.lmtp_port) as lmtp:
                lmtp.sendmail("x@example.net", ["alice@example.org"], b"Subject: %d\r\n\r\nhello\r\n" % n)
            for client in clients:
                assert client.call("Email/query", {"calculateTotal": True}, account)["total"] == n + 1


def test_sighup_takes_on_new_settings_without_refusing_anybody(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        before = server.workers
        streams = [client.events() for client in server.clients()]
        server.configure("limits.max_calls_in_request = 7\nhostname = 'mail.example.org'")
        server.process.send_signal(signal.SIGHUP)
        for stream in streams:
            assert b"state" not in stream.read()  # it ends, as streams end, and clients come back
        assert server.client().session()["capabilities"]["urn:ietf:params:jmap:core"]["maxCallsInRequest"] == 7
        server.wait_for("server.reloaded")
        with smtplib.LMTP("127.0.0.1", server.lmtp_port) as lmtp:
            assert b"mail.example.org" in lmtp.ehlo()[1]
        assert len(server.workers - before) == 2


def test_sighup_with_settings_that_cannot_be_used_changes_nothing(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        before = server.workers
        server.configure("limits.max_calls_in_request = 'many'")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("server.reload_refused: .*limits.max_calls_in_request")
        server.configure("limits.max_calls_in_request = 9")
        server.config.write_text(server.config.read_text().replace("workers = 2", "workers = 3"))
        assert server.workers == before
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("server.needs_restart: .*setting=workers")
        server.wait_for("server.reloaded")


def test_sigterm_lets_requests_finish_and_ends_streams(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        account = mail_account(server)
        one, other = server.clients()
        stream = other.events()
        one.begin_upload(account, UPLOAD)
        server.process.send_signal(signal.SIGTERM)
        stream.read()  # to its regular end: an error would be raised otherwise
        server.wait_for("process.stopping")
        server.wait_for("process.stopping")
        assert one.end_upload(UPLOAD) == 201
        assert server.process.wait(30) == 0
        assert not (server.data / "pillarbox.pid").exists()


def test_a_request_that_does_not_end_is_not_waited_for_longer_than_the_settings_say(tmp_path: Path) -> None:
    with serving(tmp_path, "stop_seconds = 1") as server:
        account = mail_account(server)
        client = server.client()
        client.begin_upload(account, UPLOAD)
        assert server.stop() == 0
        answer = client.web.getresponse()
        assert (answer.status, answer.getheader("content-type")) == (503, "application/problem+json")
        assert json.loads(answer.read())["status"] == 503
        assert client.web.sock is None  # closed


def test_workers_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        stream = server.client().events()
        server.process.kill()
        stream.read()
        server.wait_for("process.orphaned")


FAILING = """
from pillarbox.app.config.settings import Settings
from pillarbox.app.listening import ServeError
from pillarbox.app.supervisor import Supervisor

def work(settings, place, lifeline, say_ready):
    raise OSError("no")

try:
    Supervisor(Settings(), 2, work, lambda: print("ready")).run()
except ServeError as error:
    print(error)
"""


def test_a_server_whose_workers_cannot_start_says_so_and_ends() -> None:
    run = subprocess.run([sys.executable, "-c", FAILING], capture_output=True, text=True, check=True, timeout=30)  # noqa: S603
    assert run.stdout == "the server could not start; the log says why\n"
