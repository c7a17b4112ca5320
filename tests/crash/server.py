"""A real `pillarbox serve`, started hundreds of times over the same data, and killed.

Importing takes most of a start. So a nursery imports once, and forks what then runs the command as it is.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from pillarbox.app.engine import Engine
from tests.support.free_port import free_port

SECONDS = 40.0
_SET_CHILD_SUBREAPER = 36  # of prctl(2)
USERS = ("alice@example.org", "bob@example.org")


class StartFailed(AssertionError):
    """The server did not become ready by itself."""


class Nursery:
    """Starts commands of pillarbox."""

    def __init__(self, more: Mapping[str, str] | None = None) -> None:
        """`more` is added to the environment."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(more or {})},
            text=True,
        )

    def start(self, arguments: list[str], log: Path) -> int:
        """Run a command, the leader of a process group; its process id."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        print(json.dumps([str(log), *arguments]), file=stdin, flush=True)
        return int(stdout.readline())

    def close(self) -> None:
        """Start no more."""
        self._process.communicate()


class Server:
    """One installation: a data directory, two ports, and the process group that may be running."""

    def __init__(self, folder: Path, nursery: Nursery, *, workers: int = 1, url: str = "", settings: str = "") -> None:
        self.folder, self.data, self.url, self._nursery = folder, folder / "data", url, nursery
        self.log, self.config = folder / "log", folder / "pillarbox.toml"
        self.port, self.lmtp_port = free_port(), free_port()
        self.workers = workers
        storage = f"[storage]\nurl = {json.dumps(url)}\n" if url else ""
        self.config.write_text(
            f'data = "{self.data}"\nworkers = {workers}\nstop_seconds = 1\n{settings}\n'
            f'[http]\nlisten = ["127.0.0.1:{self.port}"]\n[lmtp]\nlisten = ["127.0.0.1:{self.lmtp_port}"]\n{storage}'
        )
        self.pid = 0
        self.is_stopping = False  # whether requests may be cut off
        self.session_url = f"http://127.0.0.1:{self.port}/jmap/session"

    def make_users(self) -> dict[str, str]:
        """Make the accounts; the app password of each, which costs no time to check."""
        secrets = {}
        with Engine(self.data, url=self.url or None) as engine:
            engine.create("Domain", {"name": "example.org"})
            for user in USERS:
                id = engine.create("Account", {"name": user, "password": "correct horse"})["id"]
                secrets[user] = str(engine.create("AppPassword", {"label": "load"}, account=id)["secret"])
        return secrets

    def start(self) -> None:
        """Begin to start."""
        self.log.write_bytes(b"")
        self.is_stopping = False
        self.pid = self._nursery.start(["serve", "-c", str(self.config)], self.log)

    def wait_ready(self, count: int = 1) -> None:
        """Until it says so. Raises StartFailed."""
        deadline = time.monotonic() + SECONDS
        word = b"server.ready" if count == 1 else b"process.ready"
        while self.log.read_bytes().count(word) < count:
            if not self.is_running or time.monotonic() > deadline:
                raise StartFailed(self.log.read_text()[-3000:])
            time.sleep(0.003)

    @property
    def is_running(self) -> bool:
        """Whether any process of the group is there."""
        return self.pid != 0 and _is_there(self.pid)

    @property
    def children(self) -> list[int]:
        """The workers."""
        with contextlib.suppress(OSError):
            return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        return []

    def kill(self) -> None:
        """All of it, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.wait_gone()

    def signal(self, number: int, pid: int = 0) -> None:
        """To the supervisor, or to one of its processes."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid or self.pid, number)

    def wait_gone(self) -> None:
        """Until nothing of it runs."""
        deadline = time.monotonic() + SECONDS
        while self.is_running:
            assert time.monotonic() < deadline, "it does not end"
            time.sleep(0.002)


def wait_end(pid: int) -> None:
    """Until a process has ended, whoever has to hear of it."""
    deadline = time.monotonic() + SECONDS
    with contextlib.suppress(OSError):
        while Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX":
            assert time.monotonic() < deadline, "it does not end"
            time.sleep(0.002)


def _is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _raise_children() -> None:
    """The nursery: a line names a log and a command, a process id answers."""
    from pillarbox.app import serve, worker  # noqa: F401, PLC0415 -- here, and not in each child
    from pillarbox.app.cli import main, server  # noqa: F401, PLC0415

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them, nor for those whose supervisor was killed
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1)
    for line in sys.stdin:
        log, *arguments = json.loads(line)
        pid = os.fork()
        with contextlib.suppress(OSError):  # by both, so that it is so for both
            os.setpgid(pid, pid)
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            for number in (1, 2):
                os.dup2(file, number)
            main.main(arguments)
        os.write(1, f"{pid}\n".encode())


if __name__ == "__main__":
    _raise_children()
