"""What a server holds before it answers: its sockets, and the file that says which process has the data directory."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from pathlib import Path

from pillarbox.app.config.settings import Settings
from pillarbox.net.socket_address import open_sockets

_ADDRESSES = {
    "http": "http.listen",
    "https": "http.tls_listen",
    "lmtp": "lmtp.listen",
    "metrics": "metrics.listen",
    "imap": "imap.listen",
    "imaps": "imap.tls_listen",
    "pop3": "pop3.listen",
    "pop3s": "pop3.tls_listen",
    "smtp": "smtp.listen",
    "submission": "submission.listen",
    "submissions": "submission.tls_listen",
}
_ORPHANS_SECONDS = 30.0
_DYING_SECONDS = 1.0  # a kill takes its time
_LOOK_SECONDS = 0.05


class ServeError(Exception):
    """The server cannot start; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Listening:
    """The sockets of a server that is about to answer."""

    http: Sequence[socket.socket]
    lmtp: Sequence[socket.socket]
    metrics: Sequence[socket.socket] = ()
    https: Sequence[socket.socket] = ()
    imap: Sequence[socket.socket] = ()
    imaps: Sequence[socket.socket] = ()
    pop3: Sequence[socket.socket] = ()
    pop3s: Sequence[socket.socket] = ()
    smtp: Sequence[socket.socket] = ()
    submission: Sequence[socket.socket] = ()
    submissions: Sequence[socket.socket] = ()

    @property
    def _all(self) -> tuple[socket.socket, ...]:
        mail = (*self.lmtp, *self.imap, *self.imaps, *self.pop3, *self.pop3s)
        smtp = (*self.smtp, *self.submission, *self.submissions)
        return (*self.http, *self.https, *mail, *smtp, *self.metrics)

    def listen(self, backlog: int) -> None:
        """Let clients connect; they wait until a process accepts them."""
        for sock in self._all:
            sock.listen(backlog)

    def close(self) -> None:
        """Close them all."""
        for sock in self._all:
            sock.close()


def listen(settings: Settings) -> Listening:
    """Open all sockets that the settings name. Raises ServeError."""
    opened: dict[str, list[socket.socket]] = {}
    for name, setting in _ADDRESSES.items():
        opened[name] = []
        for address in attrgetter(setting)(settings):
            try:
                opened[name] += open_sockets(address)
            except OSError as error:
                for sock in chain(*opened.values()):
                    sock.close()
                raise ServeError(f"cannot listen on {address} ({setting}): {error.strerror or error}") from None
    return Listening(**opened)


@contextlib.contextmanager
def pid_file(folder: Path) -> Iterator[None]:
    """Hold `pillarbox.pid` in the data directory, with our process id. Raises ServeError when another server does.

    Processes that are forked meanwhile hold it too: the directory is free when the last of them is gone.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "pillarbox.pid"
    with os.fdopen(_locked(path), "r+") as file:
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
        path.unlink(missing_ok=True)


def _locked(path: Path) -> int:
    """The file, with a lock on it. Raises ServeError.

    Who wrote its number may have been killed a moment ago, and what it forked is about to find that out, and to end.
    """
    began = time.monotonic()
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(file, path):
                return file
        except BlockingIOError:
            holder = os.pread(file, 20, 0).decode("ascii", "replace").strip()
            if time.monotonic() - began > (_DYING_SECONDS if _is_alive(holder) else _ORPHANS_SECONDS):
                os.close(file)
                raise ServeError(f"a server with process id {holder} runs on {path.parent} already") from None
        os.close(file)  # when it is ours, another server has just removed it, and ended
        time.sleep(_LOOK_SECONDS)


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _is_alive(pid: str) -> bool:
    """Whether such a process runs; one that has ended, and that nobody has asked how, does not."""
    try:
        os.kill(int(pid), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except PermissionError:  # somebody else's
        return True
    with contextlib.suppress(OSError):  # where there is no such file, it counts as alive
        return not Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].startswith(b"Z")
    return True
