"""Accepting beside others: who has more stands back, and nothing that waits is left waiting."""

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pillarbox.net import accept
from pillarbox.net.accept import Acceptor
from pillarbox.net.load import Connections, Loads


class Ear(asyncio.Protocol):
    """A connection that is counted and says who took it."""

    def __init__(self, host: "Host") -> None:
        self._host = host

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._host.connections.add(self)
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._host.name)

    def connection_lost(self, error: Exception | None) -> None:
        self._host.connections.discard(self)


class Host:
    """One of the processes that accept on the same socket; it has a descriptor of its own."""

    def __init__(self, name: bytes, sock: socket.socket, loads: Loads, seat: int) -> None:
        self.name = name
        self.sock = sock.dup()
        self.acceptor = Acceptor([self.sock], lambda: Ear(self), lambda: len(self.connections), loads, seat)
        self.connections: Connections[Ear] = Connections(self.acceptor.changed)


def run(body: Callable[[Host, Host, Loads, int], Awaitable[None]]) -> None:
    async def main() -> None:
        loads = Loads(2)
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            one, other = Host(b"a", sock, loads, 0), Host(b"b", sock, loads, 1)
            try:
                async with asyncio.timeout(20):
                    await body(one, other, loads, sock.getsockname()[1])
            finally:
                for host in (one, other):
                    await host.acceptor.stop()
                    host.sock.close()

    asyncio.run(main())


async def connect(port: int) -> tuple[bytes, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    return await reader.readexactly(1), writer


async def leave(*writers: asyncio.StreamWriter) -> None:
    for writer in writers:
        writer.close()
        await writer.wait_closed()


def test_each_gets_its_share_and_shows_it() -> None:
    async def body(one: Host, other: Host, loads: Loads, port: int) -> None:
        one.acceptor.start()
        other.acceptor.start()
        taken = [await connect(port) for _ in range(8)]
        assert sorted(name for name, _ in taken) == [b"a"] * 4 + [b"b"] * 4
        assert loads.shown() == [4, 4]
        await leave(*(writer for _, writer in taken))
        while loads.shown() != [0, 0]:  # noqa: ASYNC110 -- turns of the loop, no time
            await asyncio.sleep(0)

    run(body)


def test_who_is_behind_takes_all_until_it_is_not() -> None:
    async def body(one: Host, other: Host, _: Loads, port: int) -> None:
        one.acceptor.start()
        first = [await connect(port) for _ in range(3)]
        other.acceptor.start()
        then = [await connect(port) for _ in range(3)]
        assert [name for name, _ in first + then] == [b"a"] * 3 + [b"b"] * 3
        await leave(*(writer for _, writer in first + then))

    run(body)


def test_what_the_others_do_not_take_is_taken() -> None:
    async def body(one: Host, _: Host, loads: Loads, port: int) -> None:
        loads.put(1, 0)  # it is there, and hangs
        one.acceptor.start()
        taken = [await connect(port) for _ in range(3)]
        assert [name for name, _ in taken] == [b"a"] * 3
        loads.clear(1)
        assert loads.least() == 3
        await leave(*(writer for _, writer in taken))

    run(body)


def test_a_connection_that_waits_when_one_stops_is_taken_by_the_other() -> None:
    async def body(one: Host, other: Host, loads: Loads, port: int) -> None:
        one.acceptor.start()
        await one.acceptor.stop()
        assert loads.shown() == [None, None]
        other.acceptor.start()
        name, writer = await connect(port)
        assert name == b"b"
        await leave(writer)

    run(body)


def test_without_descriptors_nobody_looks_again_at_once_and_later_all_are_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(accept, "_FULL_SECONDS", 3600)
    looks = 0

    class Full(socket.socket):
        is_full = True

        def accept(self) -> Any:
            nonlocal looks
            looks += 1
            if self.is_full:
                raise OSError(errno.EMFILE, "Too many open files")
            return super().accept()

    async def main() -> None:
        sock = Full()
        sock.bind(("127.0.0.1", 0))
        ears: set[asyncio.Protocol] = set()
        host = cast("Host", SimpleNamespace(name=b"a", connections=ears))
        acceptor = Acceptor([sock], lambda: Ear(host), lambda: len(ears))
        acceptor.start()
        try:
            async with asyncio.timeout(20):
                waiting = asyncio.create_task(connect(sock.getsockname()[1]))
                while not looks:  # noqa: ASYNC110 -- turns of the loop, no time
                    await asyncio.sleep(0)
                for _ in range(1_000):
                    await asyncio.sleep(0)
                assert looks == 1  # it looks away, and does not spin
                sock.is_full = False
                acceptor._resume(sock)
                _, writer = await waiting
                await leave(writer)
        finally:
            await acceptor.stop()

    asyncio.run(main())
