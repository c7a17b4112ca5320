"""A DNS server on loopback, UDP and TCP at one port: it answers from zones, or does what a test says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import cast

import dns.flags
import dns.message
import dns.rcode

from pillarbox.net.dns.settings import DnsSettings
from pillarbox.net.dns.zone import Zone, Zones, zone_of_text

# What to send for a question: the octets of datagrams or of the one message by TCP; none: silence.
Behaviour = Callable[[dns.message.Message, bool], Sequence[bytes]]
PAYLOAD = 1232


def zone(text: str, *, is_secure: bool = False) -> Zone:
    """A zone from the text of a file."""
    return zone_of_text(text, "the test's zone", is_secure=is_secure)


def from_zones(*zones: Zone) -> Behaviour:
    """What a good resolver does that knows these zones: REFUSED for what is in none, TC for what does not fit."""
    known = Zones(zones)

    def answer(query: dns.message.Message, is_tcp: bool) -> Sequence[bytes]:
        found = known.zone_of(query.question[0].name)
        if found is None:
            response = dns.message.make_response(query)
            response.set_rcode(dns.rcode.REFUSED)
        else:
            response = found.respond(query)
            response.flags |= dns.flags.RA
        octets = response.to_wire(max_size=65_535)
        if not is_tcp and len(octets) > PAYLOAD:
            response = dns.message.make_response(query)
            response.flags |= dns.flags.TC
            octets = response.to_wire()
        return [octets]

    return answer


class DnsServer:
    """A running server, and what it was asked: (name, type, "udp" or "tcp")."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour, self.port = behaviour, 0
        self.asked: list[tuple[str, str, str]] = []
        self.queries: list[dns.message.Message] = []

    def settings(self, **more: object) -> DnsSettings:
        """Settings of a resolver that asks this server, and waits for no long time."""
        return DnsSettings(servers=(f"127.0.0.1:{self.port}",), **{"try_seconds": 2.0, **more})  # type: ignore[arg-type]

    def answers(self, octets: bytes, *, is_tcp: bool) -> Sequence[bytes]:
        query = dns.message.from_wire(octets)
        asked = query.question[0]
        name = asked.name.to_text(omit_final_dot=True)
        self.asked.append((name, dns.rdatatype.to_text(asked.rdtype), "tcp" if is_tcp else "udp"))
        self.queries.append(query)
        return self.behaviour(query, is_tcp)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for octets in self._server.answers(data, is_tcp=False):
            self._transport.sendto(octets, addr)


@contextlib.asynccontextmanager
async def serving_dns(behaviour: Behaviour, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[DnsServer]:
    """A server on a port of its own, unless a port is given."""
    server = DnsServer(behaviour)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            length = int.from_bytes(await reader.readexactly(2), "big")
            for octets in server.answers(await reader.readexactly(length), is_tcp=True):
                writer.write(len(octets).to_bytes(2, "big") + octets)
            await writer.drain()
        writer.close()

    streams = await asyncio.start_server(talk, host, port)
    server.port = streams.sockets[0].getsockname()[1]
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Datagrams(server), local_addr=(host, server.port)
    )
    try:
        yield server
    finally:
        transport.close()
        streams.close()
