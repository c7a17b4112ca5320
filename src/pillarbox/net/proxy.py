"""Connections that come by a proxy which says whose they are, by the PROXY protocol, before TLS and all else."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from pillarbox.net.peek import peek
from pillarbox.wire.proxy.header import MOST_OCTETS, Header, NotProxy, parse_header

_SECONDS = 5.0
_FIRST_WAIT, _LONGEST_WAIT = 0.005, 0.5
LOST = (OSError, NotProxy, TimeoutError)  # what keeps a proxy's connection from beginning


@runtime_checkable
class Introduced(Protocol):
    """A connection's protocol that wants to know for whom a proxy speaks, before `connection_made`."""

    client: Header | None


class Proxies:
    """Those that are trusted. They must speak the protocol; nobody else is listened to."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(network, strict=False) for network in networks)

    def trusts(self, connection: socket.socket) -> bool:
        """Whether a connection comes from one of them."""
        if not self._networks:
            return False
        try:
            name = connection.getpeername()
            ip = ipaddress.ip_address(str(name[0]).partition("%")[0]) if isinstance(name, tuple) else None
        except (OSError, ValueError):
            return False
        if ip is None:
            return False
        mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
        return any((mapped or ip) in network for network in self._networks)

    async def read(self, connection: socket.socket) -> Header:
        """The header, taken off a socket that does not block. Raises LOST."""
        wait = 0.0
        async with asyncio.timeout(_SECONDS):
            while True:
                octets = await peek(connection, MOST_OCTETS)
                if not octets:
                    raise ConnectionResetError("the proxy went away")
                header = parse_header(octets)
                if header is not None:
                    connection.recv(header.size)  # they wait there already
                    return header
                # Nothing tells when there is more than what has been looked at already.
                wait = min(2 * wait + _FIRST_WAIT, _LONGEST_WAIT)
                await asyncio.sleep(wait)
