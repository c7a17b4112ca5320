"""What a server holds before it answers: its sockets, and the file that says which process has the data directory."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pillarbox.app.config.settings import Settings
from pillarbox.net.socket_address import open_sockets


class ServeError(Exception):
    """The server cannot start; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Listening:
    """The sockets of a server that is about to answer."""

    http: Sequence[socket.socket]
    lmtp: Sequence[socket.socket]
    metrics: Sequence[socket.socket] = ()

    @property
    def _all(self) -> tuple[socket.socket, ...]:
        return (*self.http, *self.lmtp, *self.metrics)

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
    opened = {name: _open(name, getattr(settings, name).listen) for name in ("http", "lmtp", "metrics")}
    return Listening(**opened)


def _open(protocol: str, addresses: Sequence[str]) -> list[socket.socket]:
    out: list[socket.socket] = []
    for address in addresses:
        try:
            out += open_sockets(address)
        except OSError as error:
            for sock in out:
                sock.close()
            raise ServeError(f"cannot listen on {address} ({protocol}.listen): {error.strerror or error}") from None
    return out


@contextlib.contextmanager
def pid_file(folder: Path) -> Iterator[None]:
    """Hold `pillarbox.pid` in the data directory, with our process id. Raises ServeError when another server does.

    Processes that are forked meanwhile hold it too: the directory is free when the last of them is gone.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "pillarbox.pid"
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServeError(f"a server with process id {file.read().strip()} runs on {folder} already") from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
        path.unlink(missing_ok=True)
