"""Servers that mail is sent to and that mean no good: what they say costs little, and what they are is looked at."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from pillarbox.core.dns import Mx
from pillarbox.datatypes.envelope import Address
from pillarbox.formats.report.dsn import parse_dsn
from pillarbox.net.outbound_address import AddressPolicy
from pillarbox.wire.smtp_client.conversation import Timeouts
from tests.support.smtp_sink import Sink, serving
from tests.workers.relay.relay_fixture import Depot

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_ENOUGH = 64 << 20  # octets; whoever takes so many takes all


@contextlib.asynccontextmanager
async def hostile(script: Script) -> AsyncIterator[int]:
    """A server that does as the script says to each who connects; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await script(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


# --- where it is


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",  # noqa: S104 -- nobody listens
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "224.0.0.1",
    ],
)
def test_a_domain_does_not_lead_into_the_network_of_this_machine(depot: Depot, address: str) -> None:
    kind = "AAAA" if ":" in address else "A"
    depot.table.answers = {"two.test MX": [Mx(10, "mx.two.test")], f"mx.two.test {kind}": [address]}
    depot.table.names = {"two.test", "mx.two.test"}
    depot.put("bob@two.test")

    async def body(depot: Depot) -> None:
        async with serving(Sink()) as sink:
            await depot.send(sink.port, allowed=AddressPolicy())
        assert sink.connections == 0
        (report,) = (parse_dsn(data) for data in depot.inbox())
        assert report is not None
        assert report.recipients[0].status == "5.4.4"
        assert depot.waiting() == {}

    depot.run(body)


@pytest.mark.parametrize("recipient", ["bob@[127.0.0.1]", "bob@[IPv6:::1]", "bob@[IPv6:::ffff:127.0.0.1]"])
def test_an_address_literal_does_not_lead_there_either(depot: Depot, recipient: str) -> None:
    """A bounce goes to where the reverse-path says, and anybody may write one."""
    depot.put(recipient, mail_from=Address(""), origin="notification")

    async def body(depot: Depot) -> None:
        async with serving(Sink()) as sink:
            await depot.send(sink.port, allowed=AddressPolicy())
        assert sink.connections == 0
        assert depot.waiting() == {}

    depot.run(body)


def test_of_several_addresses_only_those_are_used_that_may_be(depot: Depot) -> None:
    depot.table.answers = {
        "two.test MX": [Mx(10, "trap.two.test"), Mx(20, "mx.two.test")],
        "trap.two.test A": ["127.0.0.1"],
        "mx.two.test A": ["127.0.0.1", "127.0.0.2"],
    }
    depot.table.names = {"two.test", "mx.two.test", "trap.two.test"}
    depot.put("bob@two.test")

    async def body(depot: Depot) -> None:
        async with serving(Sink()) as trap, serving(Sink(port=trap.port), "127.0.0.2") as sink:
            await depot.send(sink.port, allowed=AddressPolicy(["127.0.0.2"]))
        assert (trap.connections, len(sink.taken)) == (0, 1)

    depot.run(body)


def test_an_mx_that_is_called_localhost_is_not_this_machine(depot: Depot) -> None:
    depot.table.answers = {"two.test MX": [Mx(10, "localhost")], "localhost A": ["127.0.0.1"]}
    depot.table.names = {"two.test", "localhost"}
    depot.put("bob@two.test")

    async def body(depot: Depot) -> None:
        async with serving(Sink()) as sink:
            await depot.send(sink.port, allowed=AddressPolicy())
        assert sink.connections == 0

    depot.run(body)


# --- what it says


def _flood(piece: bytes) -> Script:
    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(_ENOUGH // len(piece)):
            writer.write(piece)
            await writer.drain()

    return script


def _says(*pieces: bytes) -> Script:
    """The first at once, each other after something was received; then silence until the other side leaves."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number, piece in enumerate(pieces):
            if number and not await reader.read(65_536):
                return
            writer.write(piece)
            await writer.drain()
        while await reader.read(65_536):
            pass

    return script


HELLO = b"220 mx\r\n", b"250-mx\r\n250 PIPELINING\r\n"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(_flood(b"220-more\r\n" * 1_000), id="a greeting without end"),
        pytest.param(_flood(b"x" * 65_536), id="a line without end"),
        pytest.param(_flood(b"\0" * 65_536), id="nothing but NUL"),
        pytest.param(_flood(b"220 one\r\n250 two\r\n" * 1_000), id="answers to what was not asked"),
        pytest.param(_says(b"220 mx\r\n", b"250-x\r\n" * 200_000), id="capabilities without end"),
        pytest.param(_says(b"220 mx\r\n250 mx\r\n"), id="an answer before the question"),
        pytest.param(_says(b"220 mx\0\r\n", b"250\0 mx\r\n"), id="NUL in a code"),
        pytest.param(_says(b"220 mx\r\n", b"99999999999 mx\r\n"), id="a code that is none"),
        pytest.param(_says(b"\r\n\r\n"), id="empty lines"),
        pytest.param(_says(*HELLO, b"250 ok\r\n250 ok\r\n250 ok\r\n"), id="2xx in place of 354"),
        pytest.param(_says(*HELLO, b"250 ok\r\n250 ok\r\n354 go\r\n250 x\r\n250 y\r\n" * 9), id="replies ahead"),
        pytest.param(_says(*HELLO, b"354 go\r\n354 go\r\n354 go\r\n", b"354 go\r\n"), id="3xx to everything"),
        pytest.param(_says(*HELLO, b"250 ok\r\n250 ok\r\n354 go\r\n", b"2"), id="half a reply"),
    ],
)
def test_what_a_server_says_costs_little_and_mail_is_neither_lost_nor_held_up(depot: Depot, script: Script) -> None:
    depot.put("bob@two.test")
    depot.put("carol@three.test")

    async def body(depot: Depot) -> None:
        depot.table.answers = {**depot.table.answers, "three.test A": ["127.0.0.2"]}
        depot.table.names.add("three.test")
        async with hostile(script) as port, serving(Sink(port=port), "127.0.0.2") as sink:
            await depot.send(port, timeouts=Timeouts(*[0.5] * 8))
        assert len(sink.taken) == 1
        assert set(depot.waiting()) == {"bob@two.test"}
        assert depot.inbox() == []

    depot.run(body)


def test_a_flood_is_not_read_to_its_end(depot: Depot) -> None:
    depot.put("bob@two.test")
    sent = 0

    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while sent < _ENOUGH:
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    async def body(depot: Depot) -> None:
        async with hostile(script) as port:
            await depot.send(port)
        assert sent < _ENOUGH // 2  # what the kernel holds, and a few pieces
        assert "bob@two.test" in depot.waiting()

    depot.run(body)


# --- how slowly


def _leaping(depot: Depot, script: Callable[[Callable[[float], None]], Script], **settings: object) -> None:
    """Send while the loop's clock leaps as the script says."""

    async def main() -> None:
        loop, leapt = asyncio.get_running_loop(), 0.0
        real = loop.time

        def leap(seconds: float) -> None:
            nonlocal leapt
            leapt += seconds

        loop.time = lambda: real() + leapt  # type: ignore[method-assign]
        async with hostile(script(leap)) as port:
            await depot.send(port, **settings)

    asyncio.run(main())


def test_a_server_that_gives_a_reply_octet_by_octet_gains_no_time_by_it(depot: Depot) -> None:
    depot.put("bob@two.test")
    octets = 0

    def script(leap: Callable[[float], None]) -> Script:
        async def trickle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal octets
            writer.write(b"220 ")
            while octets < 2_000:
                writer.write(b"x")
                await writer.drain()
                octets += 1
                leap(20)
                for _ in range(5):
                    await asyncio.sleep(0)

        return trickle

    _leaping(depot, script, timeouts=Timeouts(greeting=300), attempt_seconds=1e9)
    assert octets < 200
    assert "bob@two.test" in depot.waiting()


def test_a_server_that_takes_nearly_all_the_time_for_each_reply_is_left_in_the_end(depot: Depot) -> None:
    depot.put(*[f"u{n}@two.test" for n in range(60)])
    asked = 0

    def script(leap: Callable[[float], None]) -> Script:
        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal asked
            writer.write(b"220 mx\r\n")
            while line := await reader.readline():
                if not line.startswith(b"EHLO"):
                    asked += 1
                    leap(250)
                writer.write(b"250 mx\r\n")
                await writer.drain()

        return slow

    _leaping(depot, script, attempt_seconds=1800.0)
    assert asked < 20
    assert len(depot.waiting()) == 60
