"""Which addresses the server may connect to on somebody else's word: those of the public Internet, and what is allowed.

RFC 6890 (special-purpose addresses), RFC 4291 §2.5.5.2 (IPv4-mapped), RFC 6052 §2.1 (NAT64), RFC 6598 §7.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_REFUSED_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by a carrier; also where one cloud keeps its metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # public by its number, but inside of every machine of one cloud
        "169.254.0.0/16",  # link-local, and most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",  # IETF protocol assignments, and one more cloud's metadata
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")  # nothing else is global unicast: loopback, ULA, link-local, multicast are outside
_REFUSED_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo, benchmarks, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4: any IPv4 address may stand in it
        "3fff::/20",
    )
)
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")


class AddressPolicy:
    """Decides about addresses; `allowed` are networks that may be reached although they are not public."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        """Raises ValueError for what is neither an address nor a network."""
        self._allowed: tuple[Network, ...] = tuple(ip_network(text, strict=False) for text in allowed)

    def is_allowed(self, text: str) -> bool:
        """Whether a connection to this address may be made."""
        address = _parse(text)
        return address is not None and (self._is_listed(address) or _is_public(address))

    def is_listed(self, text: str) -> bool:
        """Whether the address is in a network that was allowed by name: where plain HTTP may be spoken."""
        address = _parse(text)
        return address is not None and self._is_listed(address)

    def _is_listed(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._allowed)


def _parse(text: str) -> Address | None:
    """The address that packets would go to; one that holds an IPv4 address is that. None for a scoped one."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return None
        if address in _MAPPED or address in _NAT64:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _REFUSED_V6)
