"""How many connections an address may have, on real sockets, and requests through proxies."""

import asyncio
import contextlib
from typing import Any

import pytest

from pillarbox.net.count import Counts, Seat
from pillarbox.servers.http.admission import Admission
from pillarbox.servers.http.forwarded import Forwarding
from pillarbox.servers.http.problem import Problem
from tests.servers.jmap.socket_client import talking
from tests.servers.web_fixture import Reply, WebMaker, basic

PROXY = "198.51.100.9"
SESSION = f"GET /jmap/session HTTP/1.1\r\nHost: x\r\nAuthorization: {basic('alice')}\r\n\r\n".encode()
EVENTS = "/jmap/eventsource?types=*&closeafter=no&ping=0"


class Client:
    """A connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, port: int) -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def status(self) -> int:
        """That of the next answer, which is read whole."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        await self.reader.readexactly(int(head.partition("content-length: ")[2].partition("\r\n")[0]))
        return int(head.split(" ")[1])

    async def ask(self) -> int:
        self.writer.write(SESSION)
        return await self.status()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


def admission(seat: Seat, *proxies: str, **more: Any) -> Admission:
    """One that counts loopback, too."""
    return Admission(Forwarding(None, proxies), seat, **{"network": str, **more})


async def until_free(seat: Seat, address: str) -> None:
    while seat.total(("http", address)):  # noqa: ASYNC110 -- nobody tells when a connection's end has been seen
        await asyncio.sleep(0.001)


def test_an_address_has_so_many_connections_over_all_processes(make_web: WebMaker) -> None:
    counts = Counts(2)
    seats = [counts.seat(number) for number in range(2)]
    one, other = (make_web(admission=admission(seat, per_address=2)) for seat in seats)

    async def talk() -> None:
        async with one.listening() as (_, port), other.listening() as (_, other_port):
            first, second = await Client.connect(port), await Client.connect(other_port)
            assert [await first.ask(), await second.ask()] == [200, 200]
            for at in (port, other_port):
                third = await Client.connect(at)
                assert await third.status() == 429  # before it has asked
                assert await third.reader.read() == b""
                await third.close()
            assert [await first.ask(), await second.ask()] == [200, 200]
            await first.close()
            while seats[1].total(("http", "127.0.0.1")) > 1:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            fourth = await Client.connect(other_port)
            assert await fourth.ask() == 200
            await asyncio.gather(second.close(), fourth.close())
            await until_free(seats[0], "127.0.0.1")

    one.run(asyncio.wait_for(talk(), 20))


def test_a_websocket_is_counted_until_it_is_closed(make_web: WebMaker) -> None:
    seat = Counts().seat()
    web = make_web(admission=admission(seat))

    async def talk() -> None:
        async with talking(web) as client:
            await client.settle()
            assert seat.total(("http", "127.0.0.1")) == 1
        await until_free(seat, "127.0.0.1")

    web.run(asyncio.wait_for(talk(), 20))


def test_a_websocket_through_a_proxy_is_counted_under_its_client_until_it_is_closed(make_web: WebMaker) -> None:
    seat = Counts().seat()
    web = make_web(admission=admission(seat, "127.0.0.1"))

    async def talk() -> None:
        async with talking(web, headers={"X-Forwarded-For": "192.0.2.7"}) as client:
            await client.settle()
            assert (seat.total(("http", "192.0.2.7")), seat.total(("http", "127.0.0.1"))) == (1, 0)
        await until_free(seat, "192.0.2.7")

    web.run(asyncio.wait_for(talk(), 20))


def test_a_process_holds_so_many_connections(make_web: WebMaker) -> None:
    web = make_web(admission=admission(Counts().seat(), per_process=1))

    async def talk() -> None:
        async with web.listening() as (listener, port):
            first = await Client.connect(port)
            assert await first.ask() == 200
            second = await Client.connect(port)
            assert await second.status() == 503
            assert await second.reader.read() == b""
            await asyncio.gather(first.close(), second.close())
            while listener._server.server_state.connections:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            third = await Client.connect(port)
            assert await third.ask() == 200
            await third.close()

    web.run(asyncio.wait_for(talk(), 20))


def test_requests_through_a_proxy_are_counted_under_the_address_that_it_tells(make_web: WebMaker) -> None:
    seat = Counts().seat()
    web = make_web(admission=admission(seat, PROXY, per_address=2))

    def begin(address: str, peer: str = PROXY) -> Any:
        return web.begin("GET", EVENTS, {"x-forwarded-for": address}, peer=peer)

    async def talk() -> None:
        open_streams = [begin("192.0.2.1"), begin("192.0.2.1")]
        assert [(await stream.head()).status for stream in open_streams] == [200, 200]
        refused: Reply = await begin("192.0.2.1").whole()
        assert refused.problem()[0] == 429
        assert refused.header("retry-after") == "5"
        others = [begin("192.0.2.2"), *(begin("192.0.2.1", "203.0.113.1") for _ in range(3))]  # who is no proxy may lie
        assert [(await stream.head()).status for stream in others] == [200] * 4
        open_streams[0].hang_up()
        await open_streams[0].task
        again = begin("192.0.2.1")
        assert (await again.head()).status == 200
        for stream in (open_streams[1], *others, again):
            stream.hang_up()
            await stream.task
        assert seat.total(("http", "192.0.2.1")) == 0

    web.run(asyncio.wait_for(talk(), 20))


@pytest.mark.parametrize("target", ["/nothing", "/jmap/upload/x/", "/jmap/session"])
def test_what_is_refused_gives_its_place_back(make_web: WebMaker, target: str) -> None:
    web = make_web(admission=admission(Counts().seat(), PROXY, per_address=1))
    for user in ("alice", "nobody", None):
        for _ in range(2):
            assert web.ask("GET", target, {"x-forwarded-for": "192.0.2.1"}, user=user, peer=PROXY).status != 429


def test_a_network_of_ipv6_is_one_address_and_loopback_and_proxies_are_none() -> None:
    asked = Admission(Forwarding(None, ("2001:db8:9::1", "unix")), per_address=1)
    assert asked.connect("2001:db8::1", 1)
    with pytest.raises(Problem):
        asked.connect("2001:db8::2", 2)
    assert asked.connect("2001:db8:0:1::1", 2)
    assert asked.connect("192.0.2.1", 3)
    with pytest.raises(Problem):
        asked.connect("::ffff:192.0.2.1", 4)
    assert [asked.connect(peer, 5) for peer in ("127.0.0.1", "::1", "2001:db8:9::1", "")] == [""] * 4
