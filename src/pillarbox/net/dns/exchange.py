"""One question to one server, by UDP, and by TCP when the answer does not fit.

Sections: RFC 1035 §4.2; RFC 7766 §5, §6.2; RFC 5452 §9 (a socket, and with it a port, for each question).
"""

from __future__ import annotations

import asyncio
import socket

import dns.message

from pillarbox.core.dns import Answer, Question
from pillarbox.net.dns.packet import MAX_OCTETS, Trouble, make_query, read_answer
from pillarbox.net.dns.settings import Server

_READ = 4_096  # more than we say that we take; what is longer is cut off, and no answer
_MAX_FOREIGN = 8  # datagrams that are not ours, after which somebody is guessing


class NoAnswer(Exception):
    """The server gave no answer that is of use; the message says why, for the log."""


async def ask_server(server: Server, question: Question) -> Answer:
    """The server's answer. Raises NoAnswer and OSError, of which a timeout is one; the caller bounds the time."""
    query = make_query(question)
    found = await _by_udp(server, query)
    if found is Trouble.PLAIN:
        query = make_query(question, edns=False)
        found = await _by_udp(server, query)
    if found in (Trouble.TRUNCATED, Trouble.FOREIGN):
        found = await _by_tcp(server, query)
    if isinstance(found, Trouble):
        raise NoAnswer(found.value)
    return found


async def _by_udp(server: Server, query: dns.message.QueryMessage) -> Answer | Trouble:
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)  # noqa: FBT003 -- the standard library's own way
        # Connected: what others than the server send, the kernel drops; and the port is a new one at random.
        sock.connect((server.host, server.port))
        sock.send(query.to_wire())
        for _ in range(_MAX_FOREIGN):
            octets = await loop.sock_recv(sock, _READ)
            found = read_answer(query, octets, is_trusted=server.is_trusted)
            if found is not Trouble.FOREIGN:
                return found
    return Trouble.FOREIGN


async def _by_tcp(server: Server, query: dns.message.QueryMessage) -> Answer | Trouble:
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        octets = query.to_wire()
        writer.write(len(octets).to_bytes(2, "big") + octets)  # in one segment, RFC 7766 §8
        length = int.from_bytes(await reader.readexactly(2), "big")
        if length > MAX_OCTETS:
            return Trouble.UNFIT
        found = read_answer(query, await reader.readexactly(length), is_trusted=server.is_trusted)
        return Trouble.UNFIT if found is Trouble.TRUNCATED else found
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise NoAnswer("the server hung up") from None
    finally:
        writer.transport.abort()
