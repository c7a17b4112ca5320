"""The connections of a listener: counted, looked at, and ended in order."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pillarbox.net.count import Counts
from pillarbox.net.roster import Listed, Roster

ALL, HERE = ("test", ""), ("test", "127.0.0.1")


class Peer(Listed):
    """A connection that ends in order only when it may."""

    def __init__(self, hall: Hall) -> None:
        self.hall, self.ended = hall, list[str]()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        full = self.hall.roster.enter(self, [(ALL, self.hall.most), (HERE, 1)])
        transport.write(b"in" if full is None else f"full {full[1]}".encode())

    def connection_lost(self, error: Exception | None) -> None:
        self.hall.roster.leave(self)

    def stop(self) -> None:
        self.ended.append("stop")
        if not self.hall.is_stubborn:
            self.transport.close()

    def abort(self) -> None:
        self.ended.append("abort")
        self.transport.abort()


class Hall:
    """A listener on loopback."""

    def __init__(self, most: int = 10, *, is_stubborn: bool = False) -> None:
        self.most, self.is_stubborn = most, is_stubborn
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.seat = Counts().seat()
        self.roster: Roster[Peer] = Roster(lambda: Peer(self), [self.socket], counts=self.seat)
        self.looks, self.fails = 0, False
        self.looked = asyncio.Event()

    def look(self, now: float) -> None:
        self.looks += 1
        self.looked.set()
        if self.fails:
            raise OSError("this one is broken")

    async def greeted(self) -> tuple[bytes, asyncio.StreamWriter]:
        """A client, and what it is told."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        return await reader.read(100), writer


def run(body: Callable[[Hall], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        async with asyncio.timeout(20):
            hall = Hall(**options)
            await hall.roster.start(hall.look, 0.001)
            try:
                await body(hall)
            finally:
                await hall.roster.stop(0.01)

    asyncio.run(main())


async def _gone(hall: Hall, count: int) -> None:
    while len(hall.roster) != count:  # noqa: ASYNC110 -- turns of the loop, no time
        await asyncio.sleep(0)


def test_who_is_one_too_many_is_there_and_counts_for_nothing() -> None:
    async def body(hall: Hall) -> None:
        told, first = await hall.greeted()
        assert told == b"in"
        told, second = await hall.greeted()
        assert told == b"full 127.0.0.1"
        assert len(hall.roster) == 2
        # What it had been counted for before the count that was full is taken back.
        assert (hall.roster.total(ALL), hall.roster.total(HERE)) == (1, 1)
        second.close()
        await _gone(hall, 1)
        assert (hall.roster.total(ALL), hall.roster.total(HERE)) == (1, 1)
        first.close()
        await _gone(hall, 0)
        assert (hall.roster.total(ALL), hall.roster.total(HERE)) == (0, 0)

    run(body)


def test_the_first_count_that_is_full_is_told() -> None:
    async def body(hall: Hall) -> None:
        told, writer = await hall.greeted()
        assert told == b"full "
        writer.close()

    run(body, most=0)


def test_connections_are_looked_at_again_and_again() -> None:
    async def body(hall: Hall) -> None:
        await hall.looked.wait()
        hall.looked.clear()
        await hall.looked.wait()
        assert hall.looks > 1

    run(body)


def test_a_look_that_fails_is_told_and_not_the_last(caplog: pytest.LogCaptureFixture) -> None:
    async def body(hall: Hall) -> None:
        hall.fails = True
        for _ in range(2):
            hall.looked.clear()
            await hall.looked.wait()

    run(body)
    assert "a look at all connections failed" in caplog.text


def test_connections_end_in_order_and_those_that_do_not_at_once() -> None:
    async def ends(hall: Hall) -> None:
        _, writer = await hall.greeted()
        (peer,) = hall.roster
        await hall.roster.stop(5)
        assert peer.ended == ["stop"]
        writer.close()

    async def stubborn(hall: Hall) -> None:
        _, writer = await hall.greeted()
        (peer,) = hall.roster
        await hall.roster.stop(0.01)
        assert peer.ended == ["stop", "abort"]
        writer.close()

    run(ends)
    run(stubborn, is_stubborn=True)
