"""SMTP and submission over a real server: TLS by certificates in files, anew on SIGHUP, and what is wrong is told."""

import contextlib
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.app.serve_process import ALICE, MAIL, SECONDS, Server, serving
from tests.support.certificate_files import CertificateFiles, hosts_of
from tests.support.free_port import free_port

T = TypeVar("T")
PROGRAM = [sys.executable, "-c", "from pillarbox.app.cli import main; main()"]
_ATTEMPTS = 1_000
MESSAGE = b"From: alice@example.org\r\nSubject: hello\r\n\r\ntext\r\n"


class Ports:
    """The ports of the listeners, and the certificate that they have."""

    def __init__(self, folder: Path) -> None:
        self.smtp, self.submission, self.submissions = free_port(), free_port(), free_port()
        self.files = CertificateFiles(folder)
        self.file = self.files.write("a.pem", "mail.example.org")

    def settings(self, more: str = "") -> str:
        return (
            f'smtp.listen = ["127.0.0.1:{self.smtp}"]\nsubmission.listen = ["127.0.0.1:{self.submission}"]\n'
            f'submission.tls_listen = ["127.0.0.1:{self.submissions}"]\ntls.certificates = ["{self.file}"]\n{more}'
        )

    @contextlib.contextmanager
    def after_starttls(self, port: int) -> Iterator[tuple[smtplib.SMTP, list[str]]]:
        """A client, and the names in the certificate that it was shown."""
        with smtplib.SMTP("127.0.0.1", port, timeout=SECONDS) as client:
            client._host = "mail.example.org"  # type: ignore[attr-defined]  # whom the certificate is for
            client.starttls(context=self.files.client())
            assert isinstance(client.sock, ssl.SSLSocket)
            yield client, hosts_of(client.sock)

    def again(self, port: int, act: Callable[[smtplib.SMTP, list[str]], T]) -> T:
        """What comes of it with a process of the new settings: one of the old ones may say 421, or hang up."""
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(smtplib.SMTPException, OSError), self.after_starttls(port) as (client, hosts):
                return act(client, hosts)
        pytest.fail("the old processes do not end")


@pytest.fixture
def ports(tmp_path: Path) -> Ports:
    return Ports(tmp_path)


def total(server: Server) -> int:
    jmap = server.client()
    account = str(jmap.session()["primaryAccounts"][MAIL])
    return len(jmap.call("Email/query", {}, account)["ids"])


def test_mail_comes_in_and_is_handed_in_over_tls(ports: Ports, tmp_path: Path) -> None:
    with serving(tmp_path, ports.settings()) as server:
        with ports.after_starttls(ports.smtp) as (client, hosts):
            assert hosts == ["mail.example.org"]
            assert not client.has_extn("auth")
            client.sendmail("dave@sender.example", [ALICE[0]], MESSAGE)
        with ports.after_starttls(ports.submission) as (client, hosts):
            client.login(*ALICE)
            client.sendmail(ALICE[0], [ALICE[0]], MESSAGE)
        context = ports.files.client("smtp")
        context.check_hostname = False
        with smtplib.SMTP_SSL("127.0.0.1", ports.submissions, timeout=SECONDS, context=context) as client:
            client.login(*ALICE)
            client.sendmail(ALICE[0], [ALICE[0]], MESSAGE)
        assert total(server) == 3


def test_who_wants_another_protocol_on_the_port_gets_no_tls(ports: Ports, tmp_path: Path) -> None:
    """ALPACA: a browser is not led to speak to this server with our certificate."""
    with serving(tmp_path, ports.settings()):
        plain = socket.create_connection(("127.0.0.1", ports.submissions), timeout=SECONDS)
        with plain, pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
            ports.files.client("http/1.1").wrap_socket(plain, server_hostname="mail.example.org")


def test_sighup_takes_on_a_new_certificate_and_keeps_the_old_when_settings_are_bad(
    ports: Ports, tmp_path: Path
) -> None:
    with serving(tmp_path, ports.settings()) as server:
        ports.files.write("a.pem", "mail.example.org", "new.example.org")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("server.reloaded")
        for port in (ports.smtp, ports.submission):
            assert ports.again(port, lambda _, hosts: hosts) == ["mail.example.org", "new.example.org"]
        server.configure(ports.settings('screening.block_lists = ["bl.example.org=nowhere"]\n'))
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("server.reload_refused: .*screening.block_lists")
        ports.again(ports.smtp, lambda client, _: client.sendmail("dave@sender.example", [ALICE[0]], MESSAGE))


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ('screening.block_lists = ["bl.example.org=nowhere"]', "screening.block_lists: "),
        ('screening.allow_lists = ["-"]', "screening.allow_lists: "),
        ('hooks.milters = ["nowhere"]', "hooks.milters: "),
        ('hooks.python = ["unheard-of"]', "hooks.python names unheard-of"),
    ],
)
def test_what_cannot_be_obeyed_is_told_before_the_start(ports: Ports, tmp_path: Path, more: str, why: str) -> None:
    config = tmp_path / "pillarbox.toml"
    config.write_text(f'data = "{tmp_path / "data"}"\nhttp.listen = []\nlmtp.listen = []\n{ports.settings(more)}')
    for command in (["config", "check"], ["serve"]):
        run = subprocess.run(  # noqa: S603 -- our own
            [*PROGRAM, *command, "-c", str(config)], capture_output=True, text=True, check=False, timeout=SECONDS
        )
        said = run.stdout + run.stderr
        assert (run.returncode != 0, why in said) == (True, True), said
        assert "Traceback" not in said
