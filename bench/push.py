"""Many clients that stay connected: what each costs the server, and how soon they hear of a delivery.

`python -m bench.push --events 1000` and `python -m bench.push --sockets 10000` start a demo server and print a table.
With `--config FILE` it is the server that runs by this configuration, on whatever engine; accounts are made in it.
"""

import argparse
import asyncio
import base64
import contextlib
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from bench.delivery import transaction
from bench.meter import ProcessTree
from pillarbox.app.config.load import load
from pillarbox.app.engine import Engine
from pillarbox.net.socket_address import parse_socket_address
from tools.demo_process import DemoProcess, User

PASSWORD = "Bench-of-the-house-1"
ACCOUNTS = 100
KEY = base64.b64encode(bytes(16)).decode()
ENABLE = b'{"@type":"WebSocketPushEnable","dataTypes":["EmailDelivery"]}'


class Listener(asyncio.Protocol):
    """One client: notes when it last heard of a change."""

    def __init__(self, request: bytes, ready: bytes, after: bytes) -> None:
        self.request, self.ready, self.after = request, ready, after
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask to listen."""
        self.transport = transport
        transport.write(self.request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Wait for the answer's head, then for changes."""
        if not self.opened.done():
            self._head += data
            if self.ready in self._head:
                self.transport.write(self.after)  # type: ignore[attr-defined]
                self.opened.set_result(None)
        elif b"StateChange" in data and not self.heard.done():
            self.heard.set_result(time.perf_counter())

    def connection_lost(self, exc: Exception | None) -> None:
        """The server is not expected to hang up."""
        if not self.opened.done():
            self.opened.set_exception(ConnectionError(self._head[:200].decode("latin-1")))


def listener(kind: str, user: User) -> Listener:
    """A client of one kind."""
    login = base64.b64encode(f"{user.name}:{user.password}".encode()).decode()
    common = f"Host: localhost\r\nAuthorization: Basic {login}\r\n"
    if kind == "events":
        target = "/jmap/eventsource?types=EmailDelivery&closeafter=no&ping=300"
        return Listener(f"GET {target} HTTP/1.1\r\n{common}\r\n".encode(), b": connected", b"")
    upgrade = (
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: jmap\r\n"
    )
    mask = bytes([0x81, 0x80 | len(ENABLE)]) + bytes(4) + ENABLE  # a key of zeros changes nothing
    request = f"GET /jmap/ws HTTP/1.1\r\n{common}{upgrade}Sec-WebSocket-Key: {KEY}\r\n\r\n"
    return Listener(request.encode(), b"\r\n\r\n", mask)


async def open_all(kind: str, users: Sequence[User], count: int, host: str, port: int) -> list[Listener]:
    """Open so many, spread over the accounts, some at a time."""
    loop, out = asyncio.get_running_loop(), list[Listener]()
    for start in range(0, count, 50):
        made = [listener(kind, users[at % len(users)]) for at in range(start, min(start + 50, count))]
        await asyncio.gather(*(loop.create_connection(lambda one=one: one, host, port) for one in made))  # type: ignore[misc]
        await asyncio.gather(*(one.opened for one in made))
        out += made
    return out


async def deliver(lmtp: tuple[str, int], users: Sequence[User], clients: list[Listener], rounds: int) -> list[float]:
    """Deliver to one account after the other; milliseconds from the end of DATA to each client's event."""
    reader, writer = await asyncio.open_connection(*lmtp)
    await reader.readline()
    writer.write(b"LHLO bench\r\n")
    while (await reader.readline())[3:4] == b"-":
        pass
    found: list[float] = []
    for number in range(rounds):
        at = number % len(users)
        mine = clients[at :: len(users)]
        for one in mine:
            one.heard = asyncio.get_running_loop().create_future()
        message = f"Subject: {number}\r\nMessage-ID: <{time.time_ns()}@bench>\r\n\r\nHello.\r\n".encode()
        envelope, data = transaction(message, users[at].name)
        writer.write(envelope.data)
        for _ in range(3):
            await reader.readline()
        began = time.perf_counter()
        writer.write(data.data)
        heard = await asyncio.wait_for(asyncio.gather(*(one.heard for one in mine)), 20)
        found += [(at - began) * 1000 for at in heard]
        await reader.readline()
        await asyncio.sleep(0.02)
    writer.close()
    return found


@dataclass(frozen=True)
class Running:
    """A server that is measured; `url` is that of its database, None for the data directory."""

    pid: int
    http: str
    lmtp: tuple[str, int]
    data: Path
    url: str | None
    domain: str


@contextlib.contextmanager
def running(config: Path | None) -> Iterator[Running]:
    """The server of a configuration, or a demo for the time of the block."""
    if config is None:
        with (
            tempfile.TemporaryDirectory(prefix="pillarbox-bench-") as folder,
            DemoProcess(Path(folder) / "data") as demo,
        ):
            domain = demo.ready.users[0].name.rpartition("@")[2]
            yield Running(demo.pid, demo.ready.session_url, demo.ready.lmtp, demo.data, None, domain)
        return
    settings = load(config, {}).settings
    lmtp = parse_socket_address(settings.lmtp.listen[0])
    assert isinstance(lmtp, tuple)
    pid = int((settings.data / "pillarbox.pid").read_text())
    yield Running(pid, f"http://{settings.http.listen[0]}", lmtp, settings.data, settings.storage.url, "push.example")


async def measure(server: Running, kind: str, users: Sequence[User], count: int, rounds: int) -> None:
    """Print one row."""
    url = urlsplit(server.http)
    tree = ProcessTree(server.pid)
    warm = await open_all(kind, users, len(users), url.hostname or "", url.port or 0)  # logs everybody in
    await asyncio.sleep(2)
    before = tree.pss_mb()
    began = time.perf_counter()
    clients = await open_all(kind, users, count, url.hostname or "", url.port or 0)
    seconds = time.perf_counter() - began
    await asyncio.sleep(2)
    each = (tree.pss_mb() - before) * 1024 / count
    times = sorted(await deliver(server.lmtp, users, clients, rounds))
    p50, p95 = times[len(times) // 2], times[int(len(times) * 0.95)]
    print(
        f"{kind:8} {count:6} open in {seconds:5.1f} s  {each:6.1f} kB PSS each"
        f"  delivery to event p50 {p50:.1f} ms, p95 {p95:.1f} ms, max {times[-1]:.1f} ms ({len(times)} events)"
    )
    for one in (*warm, *clients):
        one.transport.close()


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=0, help="how many event streams")
    parser.add_argument("--sockets", type=int, default=0, help="how many WebSockets")
    parser.add_argument("--rounds", type=int, default=100, help="how many deliveries")
    parser.add_argument("--config", type=Path, help="measure the server that runs by this configuration")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the server inherits it
    kinds = {"events": options.events, "sockets": options.sockets}
    with running(options.config) as server:
        users = [User(f"push{at}@{server.domain}", PASSWORD) for at in range(ACCOUNTS)]
        furnish(server, users)
        for kind, count in kinds.items():
            if count:
                uvloop.run(measure(server, kind, users, count, options.rounds))


def furnish(server: Running, users: Sequence[User]) -> None:
    """Make the accounts, as far as they are not there from another run."""
    with Engine(server.data, url=server.url) as engine:
        if engine.find("Domain", "name", server.domain) is None:
            engine.create("Domain", {"name": server.domain})
        for user in users:
            if engine.find("Account", "name", user.name) is None:
                engine.create("Account", {"name": user.name, "password": user.password})


if __name__ == "__main__":
    main()
