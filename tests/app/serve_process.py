"""A real `pillarbox serve` with two workers, and clients that know which of them they talk to."""

import base64
import contextlib
import http.client
import json
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pillarbox.app.engine import Engine
from tests.support.free_port import free_port

SECONDS = 30
CORE, MAIL = "urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"
APP_PASSWORD = "urn:pillarbox:params:jmap:apppassword"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
ALICE = ("alice@example.org", "correct horse")


class Client:
    """A connection to the server."""

    def __init__(self, port: int, user: tuple[str, str] = ALICE) -> None:
        self.web = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        self.web.connect()
        self.port = port
        self.stream: http.client.HTTPResponse | None = None
        token = base64.b64encode(":".join(user).encode()).decode()
        self.headers = {"Authorization": f"Basic {token}"}

    @property
    def pid(self) -> int:
        """The process that has accepted this connection: it answers, so one has."""
        self.ask("GET", "/nothing")
        return holder(self.port, self.web.sock.getsockname()[1])

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        self.web.request(method, path, body, {**self.headers, **headers})
        answer = self.web.getresponse()
        data = answer.read()
        return answer.status, json.loads(data) if data else None

    def session(self) -> Any:
        return self.ask("GET", "/jmap/session")[1]

    def call(self, method: str, arguments: dict[str, Any], account: str) -> Any:
        using = [CORE, MAIL, APP_PASSWORD]
        body = {"using": using, "methodCalls": [[method, {"accountId": account, **arguments}, "0"]]}
        status, answer = self.ask(
            "POST", "/jmap/api", json.dumps(body).encode(), **{"Content-Type": "application/json"}
        )
        assert status == 200, answer
        return answer["methodResponses"][0][1]

    def begin_upload(self, account: str, octets: int) -> None:
        """Send the head and half of the body; when this returns, the upload is counted as under way."""
        self.web.putrequest("POST", f"/jmap/upload/{account}/")
        for name, value in {**self.headers, "Content-Length": str(octets), "Expect": "100-continue"}.items():
            self.web.putheader(name, value)
        self.web.endheaders()
        assert self.web.sock.recv(len(_CONTINUE), socket.MSG_WAITALL) == _CONTINUE
        self.web.send(b"x" * (octets // 2))

    def end_upload(self, octets: int) -> int:
        self.web.send(b"x" * (octets - octets // 2))
        answer = self.web.getresponse()
        answer.read()
        return answer.status

    def events(self) -> http.client.HTTPResponse:
        self.web.request("GET", "/jmap/eventsource?types=*&closeafter=no&ping=0", headers=self.headers)
        self.stream = self.web.getresponse()
        assert self.stream.readline() == b": connected\n"
        return self.stream

    def close(self) -> None:
        if self.stream is not None:
            self.stream.close()
        self.web.close()


def holder(server_port: int, client_port: int) -> int:
    """The process that holds the server's end of a connection on loopback."""
    ends = (f"0100007F:{server_port:04X}", f"0100007F:{client_port:04X}")
    for _ in range(100):  # while others open and close connections, the kernel's table may be told with gaps
        for line in Path("/proc/net/tcp").read_text().splitlines():
            fields = line.split()
            if (fields[1], fields[2]) == ends and (found := _process_with(f"socket:[{fields[9]}]")) is not None:
                return found
    raise AssertionError("nobody holds the connection")


def _process_with(file: str) -> int | None:
    """A process that has a file open. Processes come and go meanwhile: other tests run beside this one."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            for link in (process / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(link.readlink()) == file:
                        return int(process.name)
    return None


class Server:
    """The process tree. Its log is read by a thread, so that a test can wait for a line."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        self.port, self.lmtp_port = free_port(), free_port()
        self.config = folder / "pillarbox.toml"
        self.data = folder / "data"
        self.configure(settings)
        command = [sys.executable, "-c", "from pillarbox.app.cli import main; main()", "serve", "-c", str(self.config)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603 -- our own
        self.lines: queue.Queue[str] = queue.Queue()
        self.log: list[str] = []
        self.made: list[Client] = []
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def configure(self, settings: str) -> None:
        self.config.write_text(
            f'data = "{self.data}"\nworkers = 2\n{settings}\n'
            f'[http]\nlisten = ["127.0.0.1:{self.port}"]\n[lmtp]\nlisten = ["127.0.0.1:{self.lmtp_port}"]\n'
        )

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.put(line.rstrip())
        self.lines.put("(the log has ended)")

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The next line of the log that holds this."""
        while True:
            try:
                line = self.lines.get(timeout=SECONDS)
            except queue.Empty:
                raise AssertionError(f"nothing says {pattern}: {self.log}") from None
            self.log.append(line)
            assert line != "(the log has ended)", self.log
            if match := re.search(pattern, line):
                return match

    def client(self, user: tuple[str, str] = ALICE) -> Client:
        self.made.append(client := Client(self.port, user))
        return client

    def clients(self, user: tuple[str, str] = ALICE) -> tuple[Client, Client]:
        """Two clients, each at another process."""
        first = self.client(user)
        others: list[Client] = []
        for _ in range(50):
            others.append(self.client(user))
            if others[-1].pid != first.pid:
                return first, others[-1]
        raise AssertionError("all connections went to one process")

    @property
    def workers(self) -> set[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return {int(pid) for pid in children.split()}

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS)


@contextlib.contextmanager
def serving(folder: Path, settings: str = "") -> Iterator[Server]:
    """A server with the account alice@example.org, that is ready."""
    with Engine(folder / "data") as engine:
        engine.create("Domain", {"name": "example.org"})
        engine.create("Account", {"name": ALICE[0], "password": ALICE[1], "isAdmin": True})
    server = Server(folder, settings)
    try:
        server.wait_for("server.ready: .*processes=2")
        yield server
    finally:
        for client in server.made:
            client.close()
        if server.process.poll() is None:
            server.stop()
        server._reading.join(SECONDS)
        assert server.process.stderr is not None
        server.process.stderr.close()
