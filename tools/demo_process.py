"""Starts `pillarbox demo` for a tool that needs a whole server, waits until it answers, and ends it.

The demo says in one line of JSON when it is ready, and where it listens:
`{"http": URL, "https": URL, "ca": FILE, "jmap": URL, "lmtp": {"host", "port"},
"imap": {"host", "port", "tls_port"}, "pop3": {"host", "port", "tls_port"}, "users": [{"name", "password"}, ...]}`.
"""

import json
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

READY_SECONDS = 60.0
STOP_SECONDS = 20.0
PORTS = 100  # how many ports from the base on have to be free: the demo takes some far apart

# How an account is made; PILLARBOX_ADD_ACCOUNT names another command. {pillarbox} {address} {password} {data} {http}
# are filled in.
ADD_ACCOUNT = "{pillarbox} account add {address} --password {password} --data {data}"

ADD_GROUP = "{pillarbox} account add {address} --group --delegate {member}:write --data {data}"


class DemoFailed(Exception):
    """The demo did not become ready; the text holds the end of what it said."""


@dataclass(frozen=True)
class User:
    """One account that can log in."""

    name: str
    password: str


@dataclass(frozen=True)
class Ready:
    """What the demo printed: where it listens and who may log in."""

    http: str
    session_url: str
    lmtp: tuple[str, int]
    users: tuple[User, ...]
    https: str = ""
    authority: str = ""  # the file of the certificate to believe
    pop3s: tuple[str, int] = ("", 0)
    imap: tuple[str, int] = ("", 0)  # without TLS from the first octet
    imaps: tuple[str, int] = ("", 0)

    @classmethod
    def from_json(cls, line: str | bytes) -> "Ready":
        """Read the demo's line. Raises DemoFailed if it is not that."""
        try:
            found: dict[str, Any] = json.loads(line)
            users = tuple(User(user["name"], user["password"]) for user in found["users"])
            lmtp = (found["lmtp"]["host"], int(found["lmtp"]["port"]))
            pop3s = (found["pop3"]["host"], int(found["pop3"]["tls_port"])) if "pop3" in found else ("", 0)
            imap = (found["imap"]["host"], int(found["imap"]["port"])) if "imap" in found else ("", 0)
            https, authority = found.get("https", ""), found.get("ca", "")
            imaps = (found["imap"]["host"], int(found["imap"]["tls_port"])) if "imap" in found else ("", 0)
            return cls(found["http"], found["jmap"], lmtp, users, https, authority, pop3s, imap, imaps)
        except (ValueError, KeyError, TypeError) as error:
            raise DemoFailed(f"not the demo's line ({error!r}): {line!r}") from error


def pillarbox_command() -> list[str]:
    """The program of this interpreter's environment; PILLARBOX names another one, with arguments as in a shell."""
    if given := os.environ.get("PILLARBOX"):
        return shlex.split(given)
    script = Path(sys.executable).with_name("pillarbox")
    if script.exists():
        return [str(script)]
    return [sys.executable, "-c", "from pillarbox.app.cli import main; main()"]


def free_port_base(first: int = 18000, last: int = 30000) -> int:
    """Find a number from which on PORTS ports of loopback are free. Raises DemoFailed if there is none."""
    for base in range(first, last, PORTS):
        if all(is_free(port) for port in range(base, base + PORTS)):
            return base
    raise DemoFailed(f"no {PORTS} free ports between {first} and {last}")


def is_free(port: int) -> bool:
    """Whether nothing listens on this port of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def fill_in(template: str, **known: str) -> list[str]:
    """Make a command of a template: its words, with {name} replaced, and {pillarbox} by the program's own words."""
    command: list[str] = []
    for word in shlex.split(template):
        command += pillarbox_command() if word == "{pillarbox}" else [word.format_map(known)]
    return command


class DemoProcess:
    """A demo server on loopback with its data in `data`, alive inside a `with` block.

    `ready` says where it listens, `pid` is the supervisor (workers are its children), `started_at` the monotonic time
    of its start. Its standard error goes to a file beside `data`.
    """

    ready: Ready
    pid: int
    started_at: float

    def __init__(self, data: Path, *, port_base: int | None = None, command: Sequence[str] = ()) -> None:
        base = free_port_base() if port_base is None else port_base
        self.data = data
        self.log = data.with_name(data.name + ".log")
        start = ["demo", "--json", "--data", str(data), "--port-base", str(base)]
        self.command = [*(command or pillarbox_command()), *start]

    def __enter__(self) -> Self:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.started_at = time.monotonic()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
            )
        self.pid = self._process.pid
        try:
            self.ready = self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        code = self.stop()
        if code != 0 and error is None:
            raise DemoFailed(f"ended with {code}; {self.last_words()}")

    def _wait_until_ready(self) -> Ready:
        stdout = self._process.stdout
        assert stdout is not None
        readable, _, _ = select.select([stdout], [], [], READY_SECONDS)
        line = stdout.readline() if readable else b""
        if not line:
            raise DemoFailed(f"{shlex.join(self.command)}: not ready; {self.last_words()}")
        return Ready.from_json(line)

    def stop(self) -> int:
        """Ask it to end by SIGTERM, kill it if it does not, and return its exit code (negative: the signal)."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            return self._process.wait()
        finally:
            if self._process.stdout:
                self._process.stdout.close()

    def add_account(self, user: User) -> None:
        """Make an empty account by the command line tool. Raises DemoFailed with what it said."""
        template = os.environ.get("PILLARBOX_ADD_ACCOUNT", ADD_ACCOUNT)
        self._command(template, address=user.name, password=user.password)

    def add_group(self, address: str, member: User) -> None:
        """Make an account that nobody logs in to and that this user may read and write. Raises DemoFailed."""
        self._command(ADD_GROUP, address=address, member=member.name)

    def _command(self, template: str, **known: str) -> None:
        command = fill_in(template, data=str(self.data), http=self.ready.http, **known)
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            raise DemoFailed(f"{shlex.join(command)}: {(made.stderr or made.stdout).strip()}")

    def last_words(self) -> str:
        """The end of what it wrote to standard error."""
        text = self.log.read_text(encoding="utf-8", errors="replace")[-2000:] if self.log.exists() else ""
        return f"it said: {text.strip() or 'nothing'}"
