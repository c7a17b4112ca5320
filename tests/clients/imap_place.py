"""An account of a demo of its own, where IMAP programs of other people find the server: TLS, and whom to believe."""

import itertools
import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.client import Client, Json
from tools.demo_process import DemoProcess, User

SECONDS = 20.0
_numbers = itertools.count(1)


def needs(program: str) -> pytest.MarkDecorator:
    """Skips a test where a program is not installed."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def message(number: int, **fields: str) -> bytes:
    """A message with a part that is not of ASCII, and lines that begin with a dot."""
    head = {
        "From": "Dave Miller <dave@sender.example>",
        "Subject": f"Message {number}",
        "Message-ID": f"<{number}@sender.example>",
        "Date": f"Mon, 2 Nov 2026 10:{number:02d}:00 +0000",
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
        **fields,
    }
    text = f"\r\nThe text of number {number}, für Übungen.\r\n.\r\n..two\r\n"
    return ("".join(f"{name}: {value}\r\n" for name, value in head.items()) + text).encode()


@dataclass
class Place:
    """One new account, as IMAP programs and as JMAP sees it."""

    demo: DemoProcess
    folder: Path
    user: User
    jmap: Client

    @property
    def host(self) -> str:
        """The name that the certificate has; the demo listens on its address."""
        return "localhost"

    @property
    def port(self) -> int:
        return self.demo.ready.imaps[1]

    @property
    def authority(self) -> str:
        return self.demo.ready.authority

    def add(self, *messages: bytes, role: str = "inbox", keywords: Iterable[str] = ()) -> list[str]:
        """Have messages come, each a minute after the one before; their ids."""
        box = self.jmap.mailboxes()[role]["id"]
        emails = {
            f"m{at}": {
                "blobId": self.jmap.upload(data, "message/rfc822")["blobId"],
                "mailboxIds": {box: True},
                "keywords": dict.fromkeys(keywords, True),
                "receivedAt": f"2026-11-02T10:{at:02d}:00Z",
            }
            for at, data in enumerate(messages)
        }
        created = self.jmap.call("Email/import", emails=emails)["created"]
        return [created[name]["id"] for name in emails]

    def emails(self) -> dict[str, Json]:
        """All emails by their subject."""
        found = self.jmap.get("Email", None, properties=["subject", "keywords", "mailboxIds"])
        return {email["subject"]: email for email in found.values()}

    def state(self) -> str:
        """JMAP's state of the emails: it stands as long as nothing is changed."""
        state: str = self.jmap.call("Email/get", ids=[])["state"]
        return state

    def write(self, name: str, text: str) -> Path:
        """A file that only its owner reads."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder),
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        }

    def run(self, *command: str | Path) -> str:
        """What a program prints; it has to end well."""
        done = subprocess.run(  # noqa: S603 - a program under test
            list(map(str, command)),
            capture_output=True,
            text=True,
            check=False,
            env=self.environment,
            cwd=self.folder,
            timeout=SECONDS,
        )
        assert done.returncode == 0, (done.stdout[-2_000:], done.stderr[-2_000:])
        return done.stdout + done.stderr

    def talk(self, command: Iterable[str], steps: Iterable[tuple[str, str]]) -> str:
        """What a program draws on a terminal until it ends, and well; keys are pressed when a text has been drawn."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.execvpe(next(iter(command)), list(command), self.environment)  # noqa: S606 - a program under test
        screen = _Screen(terminal)
        try:
            for awaited, keys in steps:
                screen.wait_for(awaited)
                os.write(terminal, keys.encode())
            screen.wait_for(None)
        except BaseException:
            os.kill(pid, 9)
            raise
        finally:
            os.close(terminal)
            _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0, screen.drawn[-3_000:]
        return screen.drawn


class _Screen:
    """What was drawn on a terminal."""

    def __init__(self, terminal: int) -> None:
        self._terminal, self._octets, self._seen = terminal, b"", 0

    @property
    def drawn(self) -> str:
        return self._octets.decode("utf-8", "replace")

    def wait_for(self, text: str | None) -> None:
        """Until a text was drawn after the last one; None: until the program is gone."""
        until = time.monotonic() + SECONDS
        while text is None or (at := self._octets.find(text.encode(), self._seen)) < 0:
            readable, _, _ = select.select([self._terminal], [], [], max(0.0, until - time.monotonic()))
            assert readable, f"{text or 'the end'} does not come; the screen: {self.drawn[-3_000:]!r}"
            try:
                piece = os.read(self._terminal, 65_536)
            except OSError:  # what Linux says at a terminal's end
                piece = b""
            self._octets += piece
            if not piece:
                assert text is None, f"it ended before {text}: {self.drawn[-3_000:]!r}"
                return
        self._seen = at + len(text.encode())


def place_in(demo: DemoProcess, folder: Path) -> Place:
    """A place with a new account."""
    user = User(f"program{next(_numbers)}@{demo.ready.users[0].name.partition('@')[2]}", "a long enough secret")
    demo.add_account(user)
    return Place(demo, folder, user, Client(demo.ready.session_url, user.name, user.password))
