"""How the client reached us, also through proxies: its address, and the base of absolute URLs.

RFC 7239, RFC 9110 §7.2.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from pillarbox.servers.http.problem import Problem
from pillarbox.servers.http.request import Request

_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9.])?)(?::[0-9]{1,5})?\Z")
_PAIR = re.compile(r'\s*([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))\s*')
_MAX_HOPS = 32
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Hop:
    """What one proxy said of the client before it; empty texts for what it did not say."""

    __slots__ = ("address", "host", "scheme")

    def __init__(self, address: str = "", host: str = "", scheme: str = "") -> None:
        self.address, self.host, self.scheme = address, host, scheme


class Forwarding:
    """Believes the headers of proxies that are configured, and nobody else's."""

    def __init__(self, public_url: str | None, trusted: Iterable[str]) -> None:
        self._public_url = public_url.rstrip("/") if public_url else None
        names = set(trusted)
        self._trusts_unix = "unix" in names
        self._networks: tuple[Network, ...] = tuple(
            ipaddress.ip_network(n, strict=False) for n in sorted(names - {"unix"})
        )

    @property
    def trusts_anybody(self) -> bool:
        """Whether there is any proxy."""
        return self._trusts_unix or bool(self._networks)

    def address(self, request: Request) -> str:
        """The client's address: the nearest one that is no proxy of ours."""
        return self._hop(request).address or request.peer

    def base_url(self, request: Request) -> str:
        """What absolute URLs begin with, without a slash at the end. Raises a 400 problem for a bad Host."""
        if self._public_url is not None:
            return self._public_url
        hop = self._hop(request)
        scheme = hop.scheme.lower() if hop.scheme.lower() in {"http", "https"} else request.scope.get("scheme", "http")
        return f"{scheme}://{self._host(request, hop)}"

    def host(self, request: Request) -> str:
        """The host, perhaps with a port, that the client asked for. Raises a 400 problem for a bad one."""
        return self._host(request, self._hop(request))

    @staticmethod
    def _host(request: Request, hop: Hop) -> str:
        host = hop.host or request.header(b"host")
        # RFC 9112 §3.2: "A server MUST respond with a 400 (Bad Request) status code" to several or an invalid Host.
        hosts = sum(name == b"host" for name, _ in request.scope["headers"])
        if hosts > 1 or _HOST.match(host) is None:
            raise Problem(400, "the Host header is missing or malformed")
        return host

    def trusts(self, address: str) -> bool:
        """Whether an address is one of the trusted; the empty one is that of a unix socket."""
        if not address:
            return self._trusts_unix
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None)
        return any((mapped or parsed) in network for network in self._networks)

    def _hop(self, request: Request) -> Hop:
        """What the outermost trusted proxy says: we walk out from our peer, and what a stranger says may be made up."""
        found = Hop()
        if not self.trusts_anybody or not self.trusts(request.peer):
            return found
        hops = _forwarded(request.header(b"forwarded")) or _x_forwarded(request)
        for hop in reversed(hops):
            found = Hop(hop.address or found.address, hop.host or found.host, hop.scheme or found.scheme)
            if not self.trusts(hop.address or "?"):
                break
        return found


def _forwarded(value: str) -> list[Hop]:
    """The elements of a Forwarded header, the nearest proxy's last (RFC 7239 §4)."""
    out = []
    for element in value.split(",")[-_MAX_HOPS:] if value else []:
        pairs = {m[1].lower(): m[3] if m[2] is None else m[2] for m in map(_PAIR.fullmatch, element.split(";")) if m}
        out.append(Hop(_node(pairs.get("for", "")), pairs.get("host", ""), pairs.get("proto", "")))
    return out


def _x_forwarded(request: Request) -> list[Hop]:
    addresses = _items(request.header(b"x-forwarded-for"))
    hosts, schemes = _items(request.header(b"x-forwarded-host")), _items(request.header(b"x-forwarded-proto"))
    ports = _items(request.header(b"x-forwarded-port"))
    host, scheme = (hosts or [""])[-1], (schemes or [""])[-1]
    if host and ports and ports[-1].isdigit() and not re.search(r":[0-9]+\Z", host):
        host += "" if ports[-1] == {"http": "80", "https": "443"}.get(scheme.lower()) else f":{ports[-1]}"
    # These three name no hop: what the nearest proxy said last holds for all of its addresses.
    return [Hop(_node(a), host, scheme) for a in addresses] or ([Hop("", host, scheme)] if host or scheme else [])


def _items(value: str) -> list[str]:
    return [item.strip() for item in value.split(",")[-_MAX_HOPS:] if item.strip()]


def _node(text: str) -> str:
    """The address of a node such as 192.0.2.43:47011 or "[2001:db8::17]:4711"; empty for `unknown` and hidden names."""
    text = (
        text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0] if text.count(":") == 1 else text
    )
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
