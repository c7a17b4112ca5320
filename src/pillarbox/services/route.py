"""Which way mail leaves: straight to the recipient's domain, or by a server that the administrator names for it.

A way is a URL: `smtp://[USER:PASSWORD@]HOST[:PORT]`, `smtps://...` (TLS from the beginning), `lmtp://HOST:PORT`,
`lmtp:/PATH`, or `direct`.
"""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import unquote, urlsplit

import msgspec

from pillarbox.datatypes.admin.name import domain_name

Protocol = Literal["direct", "smtp", "smtps", "lmtp"]
_PORTS: dict[str, int] = {"smtp": 587, "smtps": 465, "lmtp": 24}
_RULE = re.compile(r"(to|from):(\S+) +(\S.*)\Z")


class RouteError(ValueError):
    """A route that cannot be meant; the message says what is wrong with it, without its password."""


class Way(msgspec.Struct, frozen=True):
    """One way for mail to leave. A host that is a path is a unix socket."""

    protocol: Protocol = "direct"
    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""

    @property
    def name(self) -> str:
        """What tells ways apart: the destination of mail that goes this way; "" for the direct one."""
        if self.protocol == "direct":
            return ""
        return f"{self.protocol}:{self.host}" + ("" if self.host.startswith("/") else f":{self.port}")


DIRECT = Way()


class Routes:
    """The ways by sender's and recipient's domain, in the order in which they are asked."""

    def __init__(self, rules: tuple[str, ...] = (), smarthost: str | None = None) -> None:
        """`rules` are `to:DOMAIN WAY` or `from:DOMAIN WAY`, a domain `.example.org` is all below it, `*` is all.

        Raises RouteError.
        """
        self._rules = [_rule(text) for text in rules]
        self._rest = parse_way(smarthost) if smarthost else DIRECT

    def way(self, sender: str, recipient: str) -> Way:
        """The way for mail from one domain to another, both as A-labels in lower case."""
        for side, domain, way in self._rules:
            if _matches(domain, recipient if side == "to" else sender):
                return way
        return self._rest

    def named(self, name: str) -> Way | None:
        """The way with a name, "" for the direct one; None when the settings have none of it."""
        known = (DIRECT, self._rest, *(way for _, _, way in self._rules))
        return next((way for way in known if way.name == name), None)

    def names(self) -> list[str]:
        """The names of all ways, "direct" for the one that has none."""
        ways = (DIRECT, self._rest, *(way for _, _, way in self._rules))
        return list(dict.fromkeys(way.name or "direct" for way in ways))

    def destination(self, mail_from: str, rcpt_to: str) -> str:
        """Where mail waits and is counted: at the server that it goes by, else at the recipient's domain."""
        domain = domain_of(rcpt_to)
        return self.way(domain_of(mail_from), domain).name or domain


def domain_of(address: str) -> str:
    """The domain of an address, however it is spelt; "" for the null reverse-path."""
    domain = address.rpartition("@")[2]
    return domain_name(domain) or domain.lower()


def parse_way(text: str) -> Way:
    """A way as it is written in the settings. Raises RouteError."""
    text = text.strip()
    if text == "direct":
        return DIRECT
    if text.startswith("lmtp:/") and not text.startswith("lmtp://"):
        return Way("lmtp", text[5:], 0)
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise RouteError("a route's port is a number, and an IPv6 address stands in brackets") from None
    if url.scheme not in _PORTS or not url.hostname or url.path not in ("", "/") or url.query:
        raise RouteError("a route is direct, smtp://HOST:PORT, smtps://HOST:PORT, lmtp://HOST:PORT or lmtp:/PATH")
    if bool(url.username) != bool(url.password):
        raise RouteError("a route has a name and a password, or neither")
    protocol: Protocol = "smtp" if url.scheme == "smtp" else "smtps" if url.scheme == "smtps" else "lmtp"
    if url.username and protocol == "lmtp":
        raise RouteError("LMTP is spoken without a password")
    user, password = unquote(url.username or ""), unquote(url.password or "")
    return Way(protocol, url.hostname, port or _PORTS[url.scheme], user, password)


def _rule(text: str) -> tuple[str, str, Way]:
    found = _RULE.match(text.strip())
    if found is None:
        raise RouteError("a route says to:DOMAIN or from:DOMAIN, a space, and the way")
    side, name, way = found.groups()
    dotted = name.startswith(".")
    domain = name if name == "*" else domain_name(name.removeprefix("."))
    if domain is None:
        raise RouteError(f"a route is for a domain that is none: {name}")
    return side, f".{domain}" if dotted else domain, parse_way(way)


def _matches(pattern: str, domain: str) -> bool:
    if pattern == "*":
        return True
    return domain.endswith(pattern) if pattern.startswith(".") else domain == pattern


class Routing:
    """The routes of this server: told when it is put together, and asked by whoever queues mail."""

    def __init__(self) -> None:
        self.routes = Routes()


ROUTING = Routing()
