"""Starts the demo: settings of its own, sample accounts, and what it says when it is ready."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from socket import socket
from typing import Any

from pillarbox.app.certificates import load_certificates
from pillarbox.app.config.mail import Imap, Lmtp, Pop3
from pillarbox.app.config.relay import Relay
from pillarbox.app.config.settings import Http, Log, Settings, Tls
from pillarbox.app.config.smtp import Smtp, Submission
from pillarbox.app.demo.authority import issue
from pillarbox.app.demo.seed import DOMAIN, USERS, seed
from pillarbox.app.engine import Engine
from pillarbox.app.listening import Listening, listen, pid_file
from pillarbox.app.worker import serve
from pillarbox.net.socket_address import url_of

LMTP_OFFSET, HTTPS_OFFSET = 24, 43
IMAP_OFFSET, IMAPS_OFFSET = 14, 93  # of 143 and 993
POP3_OFFSET, POP3S_OFFSET = 11, 95  # of 110 and 995
SMTP_OFFSET, SUBMISSION_OFFSET, SUBMISSIONS_OFFSET = 25, 87, 65  # of 25, 587 and 465


def settings_for(data: Path, port_base: int, certificate: Path) -> Settings:
    """Loopback only; port 0 is whichever is free. Any page may call the demo, as developers of web clients need."""

    def at(offset: int) -> tuple[str]:
        return (f"127.0.0.1:{port_base + offset if port_base else 0}",)

    return Settings(
        data=data,
        http=Http(listen=at(0), tls_listen=at(HTTPS_OFFSET), cors_origins=("*",)),
        tls=Tls(certificates=(str(certificate),)),
        lmtp=Lmtp(listen=at(LMTP_OFFSET)),
        imap=Imap(listen=at(IMAP_OFFSET), tls_listen=at(IMAPS_OFFSET)),
        pop3=Pop3(listen=at(POP3_OFFSET), tls_listen=at(POP3S_OFFSET)),
        smtp=Smtp(listen=at(SMTP_OFFSET)),
        submission=Submission(listen=at(SUBMISSION_OFFSET), tls_listen=at(SUBMISSIONS_OFFSET)),
        relay=Relay(enabled=False),  # nothing leaves this machine
        log=Log(level="warning"),
    )


def run_demo(data: Path | None, port_base: int, on_ready: Callable[[dict[str, Any]], None]) -> None:
    """Serve until SIGTERM or SIGINT. Raises ServeError and StoreError."""
    with _folder(data) as folder, pid_file(folder):
        issued = issue(folder / "tls", DOMAIN)
        settings = settings_for(folder, port_base, issued.server)
        tls = load_certificates(settings)
        listening = listen(settings)
        try:
            with Engine(folder) as engine:
                seed(engine, time.time_ns() // 1_000_000)
                ready = {**describe(listening), "ca": str(issued.authority.absolute())}
                serve(settings, listening, engine.store, lambda: on_ready(ready), tls=tls)
        finally:
            listening.close()


def describe(listening: Listening) -> dict[str, Any]:
    """Where the demo answers and who may log in: what `demo --json` prints."""
    http = url_of(listening.http[0])
    return {
        "http": http,
        "https": url_of(listening.https[0], "https"),
        "jmap": f"{http}/.well-known/jmap",
        "lmtp": _place(listening.lmtp),
        "imap": _places(listening.imap, listening.imaps),
        "pop3": _places(listening.pop3, listening.pop3s),
        "smtp": _place(listening.smtp),
        "submission": _places(listening.submission, listening.submissions),
        "users": [{"name": user.name, "password": user.password} for user in USERS],
    }


def _place(sockets: Sequence[socket]) -> dict[str, Any]:
    host, port = sockets[0].getsockname()[:2]
    return {"host": host, "port": port}


def _places(sockets: Sequence[socket], with_tls: Sequence[socket]) -> dict[str, Any]:
    return {**_place(sockets), "tls_port": _place(with_tls)["port"]}


@contextlib.contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        yield data
        return
    with tempfile.TemporaryDirectory(prefix="pillarbox-demo-", ignore_cleanup_errors=True) as made:
        yield Path(made)
