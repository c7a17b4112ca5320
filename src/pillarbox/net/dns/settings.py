"""What an administrator says about the DNS, and the servers that the system names.

resolv.conf(5); RFC 4035 §4.9.3 (whose AD bit to believe).
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import msgspec

PORT = 53
_RESOLV_CONF = Path("/etc/resolv.conf")
_MAX_SERVERS = 3  # as many as the C library takes
# Docker's: on loopback, but it hands on what others say over the network.
_FORWARDERS = frozenset({"127.0.0.11"})


class Server(msgspec.Struct, frozen=True):
    """A resolver; `is_trusted` says that its AD bit is believed."""

    host: str
    port: int = PORT
    is_trusted: bool = False


class DnsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the DNS is asked. Times in seconds."""

    servers: tuple[str, ...] = ()  # ADDRESS, ADDRESS:PORT or [IPV6]:PORT; none: those of the system
    trust_ad: bool | None = None  # None: of a resolver on loopback
    zone_files: tuple[str, ...] = ()  # PATH or secure:PATH
    try_seconds: float = 3.0
    question_seconds: float = 10.0
    lookup_seconds: float = 20.0
    max_questions: int = 128
    cache_octets: int = 8_000_000
    resolv_conf: Path = _RESOLV_CONF


def parse_server(text: str) -> tuple[str, int]:
    """(address, port) of a server. Raises ValueError: names are not allowed, as there is nobody to ask about them."""
    host, port = text, PORT
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f"{text!r} is not [IPV6]:PORT")
        port = _port(rest[1:]) if rest else PORT
    elif text.count(":") == 1:
        host, _, number = text.partition(":")
        port = _port(number)
    try:
        ip_address(host)
    except ValueError:
        raise ValueError(f"{text!r} is not the address of a DNS server, such as 127.0.0.1 or [::1]:5353") from None
    return host, port


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65_536):
        raise ValueError(f"{text!r} is not a port")
    return int(text)


class Servers:
    """The servers to ask. Those of the system are read anew when its file has changed."""

    def __init__(self, settings: DnsSettings) -> None:
        """Raises ValueError when a server is not given by its address."""
        self._settings = settings
        self._given = tuple(self._server(*parse_server(text)) for text in settings.servers)
        self._stamp: object = None
        self._found: tuple[Server, ...] = ()

    def now(self) -> tuple[Server, ...]:
        """The servers in the order in which they are asked. Looks at the system's file: some microseconds."""
        if self._given:
            return self._given
        stamp = _stamp(self._settings.resolv_conf)
        if stamp != self._stamp or not self._found:
            addresses = _nameservers(self._settings.resolv_conf) or ["127.0.0.1"]
            self._stamp, self._found = stamp, tuple(self._server(address, PORT) for address in addresses)
        return self._found

    def _server(self, host: str, port: int) -> Server:
        is_own = ip_address(host).is_loopback and host not in _FORWARDERS
        trust = self._settings.trust_ad
        return Server(host, port, is_own if trust is None else trust)


def _stamp(path: Path) -> object:
    try:
        found = path.stat()
    except OSError as error:
        return error.errno
    return found.st_ino, found.st_size, found.st_mtime_ns


def _nameservers(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    out = []
    for line in lines:
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            try:
                ip_address(words[1])
            except ValueError:
                continue
            out.append(words[1])
    return out[:_MAX_SERVERS]
