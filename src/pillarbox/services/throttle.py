"""Holds back who guesses passwords: after some failures each further one doubles the wait, for an address and a name.

Where somebody has logged in from before, their failures are counted apart: strangers cannot lock them out.
"""

from __future__ import annotations

import ipaddress

from pillarbox.core.clock import Clock
from pillarbox.core.faults import Fault, Kind
from pillarbox.services.failure_table import SUCCESS, Entry, FailureTable

_FREE_ADDRESS, _FREE_NAME = 20, 10  # failures that cost nothing: people mistype, and offices share an address
_MAX_WAIT_ADDRESS_MS, _MAX_WAIT_NAME_MS = 900_000, 60_000
_FORGET_MS = 3_600_000


class Throttle:
    """Failures by address and by name. Safe to use from several threads, and processes when the table is shared."""

    def __init__(self, clock: Clock, table: FailureTable | None = None) -> None:
        self._clock, self._table = clock, table or FailureTable()

    def check(self, address: str, name: str) -> None:
        """Raise rateLimit, with `retry_after` in seconds, while the address or the name has to wait."""
        now, network = self._clock.now_ms(), network_of(address)
        with self._table as table:
            until = table.get(f"a {network}").until if network else 0
            until = max(until, table.get(_name_key(table, network, name)).until)
        if until > now:
            seconds = -(-(until - now) // 1000)
            raise Fault(Kind.RATE_LIMIT, f"too many failed attempts; try again in {seconds} s", retry_after=seconds)

    def note_failure(self, address: str, name: str) -> None:
        """Count a wrong password, whether or not there is anybody of that name."""
        network, now = network_of(address), self._clock.now_ms()
        with self._table as table:
            if network:
                _count(table, f"a {network}", now, _FREE_ADDRESS, _MAX_WAIT_ADDRESS_MS)
            _count(table, _name_key(table, network, name), now, _FREE_NAME, _MAX_WAIT_NAME_MS)

    def note_success(self, address: str, name: str) -> None:
        """Remember where a user comes from. The address's failures stay: one's own account must not clear them."""
        with self._table as table:
            table.put(_success_key(network_of(address), name), Entry(1, self._clock.now_ms()))


def _success_key(network: str, name: str) -> str:
    return f"{SUCCESS}{network} {name}"


def _name_key(table: FailureTable, network: str, name: str) -> str:
    is_known = table.get(_success_key(network, name)).times
    return f"k {network} {name}" if is_known else f"n {name}"


def _count(table: FailureTable, key: str, now: int, free: int, most: int) -> None:
    entry = table.get(key)
    count = entry.times + 1 if now - entry.last <= _FORGET_MS else 1
    until = now + min(most, 1_000 << min(count - free, 20)) if count >= free else 0
    table.put(key, Entry(count, now, until))


def network_of(address: str, *, wide: bool = False) -> str:
    """What is held back as one: an IPv4 address, or the /64 that one customer has of IPv6; nothing for loopback.

    `wide`: the /24 or /48 around it, which may be several customers'. Loopback is never held back: it is the
    administrator, or a proxy that nobody has told us of, and then everybody.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""  # a unix socket
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            return "" if ip.is_loopback else str(ipaddress.ip_network((ip, 48 if wide else 64), strict=False))
        ip = ip.ipv4_mapped
    if ip.is_loopback:
        return ""
    return str(ipaddress.ip_network((ip, 24), strict=False)) if wide else str(ip)
