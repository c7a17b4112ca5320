"""Zones out of files, which answer for their names instead of the network: for tests, `demo` and closed networks.

Delegations out of such a zone are not followed. Sections: RFC 1035 §5 (zone files); RFC 4592 §2.2, §3.3 (wildcards,
empty non-terminals); RFC 2308 §3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.node
import dns.rcode
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.zone

_SECURE = "secure:"
_MAX_CNAMES = 8
_MAX_OCTETS = 4_000_000
_IN = dns.rdataclass.IN


class ZoneError(Exception):
    """A zone file cannot be used; the message names it and says why."""


class Zone:
    """One zone. `is_secure`: its answers count as validated."""

    def __init__(self, zone: dns.zone.Zone, *, is_secure: bool = False) -> None:
        assert zone.origin is not None
        self.origin, self.is_secure = zone.origin, is_secure
        self._nodes: Mapping[dns.name.Name, dns.node.Node] = zone.nodes
        self._soa = _rrset(self.origin, zone.get_rdataset(self.origin, dns.rdatatype.SOA))
        self._names = {above for name in self._nodes for above in _up(name, self.origin)}

    def respond(self, query: dns.message.Message) -> dns.message.Message:
        """The answer to a query for a name of the zone."""
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA | (dns.flags.AD if self.is_secure else 0)
        name, rdtype = query.question[0].name, query.question[0].rdtype
        for _ in range(_MAX_CNAMES + 1):
            node = self._node(name)
            found = _rrset(name, node.get_rdataset(_IN, rdtype)) if node is not None else None
            if found is not None:
                response.answer.append(found)
                return response
            alias = _rrset(name, node.get_rdataset(_IN, dns.rdatatype.CNAME)) if node is not None else None
            if alias is None:
                break
            response.answer.append(alias)
            name = alias[0].target
            if not name.is_subdomain(self.origin):
                return response
        if node is None and name not in self._names:
            response.set_rcode(dns.rcode.NXDOMAIN)
        response.authority += [self._soa] if self._soa is not None else []
        return response

    def _node(self, name: dns.name.Name) -> dns.node.Node | None:
        """What is at a name, or what a wildcard makes of it (RFC 4592 §3.3.1)."""
        if name in self._names:
            return self._nodes.get(name)
        encloser = name
        while encloser not in self._names:
            encloser = encloser.parent()
        return self._nodes.get(dns.name.Name((b"*", *encloser.labels)))


class Zones:
    """The zones of all files."""

    def __init__(self, zones: Iterable[Zone] = ()) -> None:
        self._zones = {zone.origin: zone for zone in zones}

    @classmethod
    def load(cls, files: Iterable[str]) -> Zones:
        """The zones of these files; `secure:` before a path makes its answers count as validated. Raises ZoneError."""
        return cls(read_zone(Path(text.removeprefix(_SECURE)), is_secure=text.startswith(_SECURE)) for text in files)

    def zone_of(self, name: dns.name.Name) -> Zone | None:
        """The zone that a name is in, the nearest one; None: the network's own resolver knows."""
        if not self._zones:
            return None
        for above in _up(name, dns.name.root):
            if above in self._zones:
                return self._zones[above]
        return None


def read_zone(path: Path, *, is_secure: bool = False) -> Zone:
    """A zone from a file that names its origin by `$ORIGIN`. Raises ZoneError."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_MAX_OCTETS)
    except (OSError, UnicodeDecodeError) as error:
        raise ZoneError(f"{path}: cannot be read: {error}") from None
    return zone_of_text(text, str(path), is_secure=is_secure)


def zone_of_text(text: str, where: str, *, is_secure: bool = False) -> Zone:
    """A zone from the text of a file. No further files are read. Raises ZoneError."""
    try:
        zone = dns.zone.from_text(text, relativize=False, filename=where, allow_include=False, check_origin=False)
    except (dns.exception.DNSException, ValueError, KeyError) as error:
        raise ZoneError(f"{where}: {str(error) or type(error).__name__}") from None
    if zone.origin is None:
        raise ZoneError(f"{where}: there is no $ORIGIN")
    return Zone(zone, is_secure=is_secure)


def _up(name: dns.name.Name, origin: dns.name.Name) -> Iterable[dns.name.Name]:
    """The name and those above it, down to the origin."""
    for count in range(len(name.labels), len(origin.labels) - 1, -1):
        yield dns.name.Name(name.labels[len(name.labels) - count :])


def _rrset(name: dns.name.Name, rdataset: dns.rdataset.Rdataset | None) -> dns.rrset.RRset | None:
    return dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset)) if rdataset else None
