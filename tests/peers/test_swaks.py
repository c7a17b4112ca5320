"""swaks, a program that people try mail servers with: TLS in both ways, and each kind of login."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.app.serve_process import ALICE, serving
from tests.support.certificate_files import CertificateFiles
from tests.support.free_port import free_port

SWAKS = shutil.which("swaks") or ""
pytestmark = pytest.mark.skipif(not SWAKS, reason="swaks is not installed (Debian: swaks)")
TO = ("--from", ALICE[0], "--to", ALICE[0], "--header", "Subject: By swaks")


class Swaks:
    """The ports of a server, and the program."""

    def __init__(self, submission: int, submissions: int, inbound: int) -> None:
        self.submission, self.submissions, self.inbound = submission, submissions, inbound

    def run(self, port: int, *more: str) -> tuple[int, str]:
        """Its exit status and what it says."""
        command = [SWAKS, "--server", "127.0.0.1", "--port", str(port), *TO, *more]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def swaks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swaks]:
    folder: Path = tmp_path_factory.mktemp("swaks")
    certificate = CertificateFiles(folder).write("certificate.pem", "localhost", "127.0.0.1")
    ports = free_port(), free_port(), free_port()
    settings = (
        f'tls.certificates = ["{certificate}"]\nsubmission.listen = ["127.0.0.1:{ports[0]}"]\n'
        f'submission.tls_listen = ["127.0.0.1:{ports[1]}"]\nsmtp.listen = ["127.0.0.1:{ports[2]}"]\n'
    )
    with serving(folder, settings):
        yield Swaks(*ports)


def login(kind: str, password: str = ALICE[1]) -> Sequence[str]:
    return ("--auth", kind, "--auth-user", ALICE[0], "--auth-password", password)


@pytest.mark.parametrize("kind", ["PLAIN", "LOGIN"])
def test_logs_in_and_sends_after_starttls(swaks: Swaks, kind: str) -> None:
    status, said = swaks.run(swaks.submission, "--tls", *login(kind))
    assert status == 0, said
    assert "TLS started with cipher TLSv1.3" in said
    assert "235 2.7.0" in said


@pytest.mark.parametrize("kind", ["PLAIN", "LOGIN"])
def test_logs_in_and_sends_with_tls_from_the_beginning(swaks: Swaks, kind: str) -> None:
    status, said = swaks.run(swaks.submissions, "--tls-on-connect", *login(kind))
    assert status == 0, said
    assert "235 2.7.0" in said


def test_a_wrong_password_is_refused(swaks: Swaks) -> None:
    status, said = swaks.run(swaks.submission, "--tls", *login("PLAIN", "wrong"))
    assert (status, "535 5.7.8" in said) == (28, True), said


def test_cram_md5_is_not_offered(swaks: Swaks) -> None:
    status, said = swaks.run(swaks.submission, "--tls", *login("CRAM-MD5"))
    assert (status, "CRAM-MD5" not in said.replace("AUTH CRAM-MD5", "").split("AUTH ")[1][:80]) == (28, True), said


def test_nothing_is_sent_without_a_login(swaks: Swaks) -> None:
    status, said = swaks.run(swaks.submission, "--tls")
    assert status == 23, said
    assert "530 5.7.0" in said


@pytest.mark.parametrize("more", [(), ("--tls",), ("--pipeline",), ("--tls", "--body", ".\n..\n.x")])
def test_brings_mail_to_the_inbound_port(swaks: Swaks, more: tuple[str, ...]) -> None:
    status, said = swaks.run(swaks.inbound, *more)
    assert status == 0, said
    assert "250 2.0.0" in said
