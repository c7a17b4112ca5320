"""URLs of other servers, taken apart so strictly that no two readers can disagree about the host.

RFC 3986 §3, RFC 9110 §4.2.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import idna
import msgspec

_MAX_URL = 2_048
_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?:\[(?P<literal>[0-9A-Fa-f:.]+)\]|(?P<host>[^\[\]/?#:@\\%\x00-\x20]+))"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>(?:[/?][A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]*)?)\Z",
    re.IGNORECASE,
)
_NUMERIC = re.compile(r"(?:[0-9]+|0[xX][0-9A-Fa-f]*)\Z")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\Z")
_MAX_NAME = 253
_LEAST_OPEN_PORT = 1_024


class UrlError(ValueError):
    """The URL is not one that this server sends anything to; the message says why."""


class Url(msgspec.Struct, frozen=True):
    """A URL in its parts."""

    scheme: str
    host: str  # a name in its ASCII form, or an address without brackets
    port: int
    target: str  # path and query
    is_address: bool

    @property
    def is_secure(self) -> bool:
        """Whether it is https."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """The value of the Host header (RFC 9110 §7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _default_port(self.scheme) else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme and authority (RFC 6454 §6.2)."""
        return f"{self.scheme}://{self.authority}"

    @property
    def is_usual_port(self) -> bool:
        """Whether it is HTTP's own port or one that no old service is behind: no mail server, no database of 1980."""
        return self.port == _default_port(self.scheme) or self.port >= _LEAST_OPEN_PORT


def parse_url(text: str) -> Url:
    """An absolute http or https URL without user, password and fragment. Raises UrlError."""
    if len(text) > _MAX_URL:
        raise UrlError(f"a URL has at most {_MAX_URL} characters")
    found = _URL.match(text)
    if found is None:
        raise UrlError("not an absolute https URL without user name, password, spaces and fragment")
    scheme = found["scheme"].lower()
    port = int(found["port"]) if found["port"] else _default_port(scheme)
    if not 0 < port < 65_536:
        raise UrlError("the port is a number from 1 to 65535")
    host, is_address = _address_literal(found["literal"]) if found["literal"] else _host(found["host"])
    target = found["target"]
    return Url(scheme, host, port, target if target.startswith("/") else f"/{target}", is_address)


def _address_literal(text: str) -> tuple[str, bool]:
    try:
        return str(IPv6Address(text)), True
    except AddressValueError:
        raise UrlError("the address in brackets is not an IPv6 address") from None


def _host(text: str) -> tuple[str, bool]:
    name = _ascii_name(text.removesuffix("."))
    # What ends in a number is an address, or meant to be taken for one: 0x7f.1 and 2130706433 are 127.0.0.1 to some.
    if _NUMERIC.match(name.rpartition(".")[2]):
        try:
            return str(IPv4Address(name)), True
        except AddressValueError:
            raise UrlError("the host looks like an IPv4 address, and is none") from None
    return name, False


def _ascii_name(text: str) -> str:
    """The name in lower case, by IDNA where it is not ASCII, so that digits of another script count as digits."""
    name = text.lower()
    if not text.isascii():
        try:
            name = idna.encode(text, uts46=True, std3_rules=True).decode("ascii")
        except UnicodeError:
            raise UrlError("the host is not a domain name") from None
    if len(name) > _MAX_NAME or not all(_LABEL.match(label) for label in name.split(".")):
        raise UrlError("the host is not a domain name")
    return name


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80
