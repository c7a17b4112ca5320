"""A process that has no descriptor left: who is there stays, who comes waits, and in the end all is as before."""

import contextlib
import resource
import smtplib
import socket
from pathlib import Path

from tests.app.serve_process import ALICE, SECONDS, Server, serving
from tests.app.test_serve_smtp import MESSAGE, total
from tests.support.free_port import free_port

_SPARE = 6


def _limit(server: Server) -> None:
    """Let no process of the server open more than a few files."""
    for pid in server.workers:
        used = {int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir()}
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (max(used) + 1 + _SPARE, hard))


def test_who_is_there_goes_on_and_who_comes_is_served_later(tmp_path: Path) -> None:
    port = free_port()
    settings = f'smtp.listen = ["127.0.0.1:{port}"]\nsmtp.max_connections_per_address = 1000'
    with serving(tmp_path, settings) as server:
        there = smtplib.SMTP("127.0.0.1", port, timeout=SECONDS)
        there.ehlo()
        before = server.workers
        _limit(server)
        with contextlib.ExitStack() as stack:
            for _ in range(60):
                crowd = stack.enter_context(socket.socket())
                crowd.settimeout(SECONDS)
                crowd.connect(("127.0.0.1", port))
            server.wait_for("net.full")
            assert there.noop()[0] == 250
            refused = False
            try:
                there.sendmail("dave@sender.example", [ALICE[0]], MESSAGE)
            except smtplib.SMTPResponseException as error:
                refused = 400 <= error.smtp_code < 500  # for now, and the client comes again
                assert refused
            assert there.noop()[0] == 250
        with smtplib.SMTP("127.0.0.1", port, timeout=SECONDS) as client:
            client.sendmail("dave@sender.example", [ALICE[0]], MESSAGE)
        there.quit()
        assert server.workers == before
        assert total(server) == 2 - refused
