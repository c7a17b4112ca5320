"""Holds back who guesses passwords: after some failures each further one doubles the wait, for an address and a name.

Where somebody has logged in from before, their failures are counted apart: strangers cannot lock them out.
"""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict

import msgspec

from pillarbox.core.clock import Clock
from pillarbox.core.faults import Fault, Kind

_FREE_ADDRESS, _FREE_NAME = 20, 10  # failures that cost nothing: people mistype, and offices share an address
_MAX_WAIT_ADDRESS_MS, _MAX_WAIT_NAME_MS = 900_000, 60_000
_FORGET_MS = 3_600_000
_ENTRIES = 10_000


class _Failures(msgspec.Struct):
    count: int = 0
    last: int = 0
    until: int = 0


class Throttle:
    """A bounded table of failures. Safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def check(self, address: str, name: str) -> None:
        """Raise rateLimit, with `retry_after` in seconds, while the address or the name has to wait."""
        now, network = self._clock.now_ms(), network_of(address)
        with self._lock:
            until = self._until(f"a {network}") if network else 0
            until = max(until, self._until(self._name_key(network, name)))
        if until > now:
            seconds = -(-(until - now) // 1000)
            raise Fault(Kind.RATE_LIMIT, f"too many failed attempts; try again in {seconds} s", retry_after=seconds)

    def note_failure(self, address: str, name: str) -> None:
        """Count a wrong password, whether or not there is anybody of that name."""
        network = network_of(address)
        with self._lock:
            if network:
                self._count(f"a {network}", _FREE_ADDRESS, _MAX_WAIT_ADDRESS_MS)
            self._count(self._name_key(network, name), _FREE_NAME, _MAX_WAIT_NAME_MS)

    def note_success(self, address: str, name: str) -> None:
        """Remember where a user comes from. The address's failures stay: one's own account must not clear them."""
        with self._lock:
            self._known[network_of(address), name] = None
            self._known.move_to_end((network_of(address), name))
            if len(self._known) > _ENTRIES:
                self._known.popitem(last=False)

    def _name_key(self, network: str, name: str) -> str:
        return f"k {network} {name}" if (network, name) in self._known else f"n {name}"

    def _until(self, key: str) -> int:
        found = self._failures.get(key)
        return found.until if found is not None else 0

    def _count(self, key: str, free: int, most: int) -> None:
        now = self._clock.now_ms()
        entry = self._failures.pop(key, None)
        if entry is None or now - entry.last > _FORGET_MS:
            entry = _Failures()
        entry.count, entry.last = entry.count + 1, now
        if entry.count >= free:
            entry.until = now + min(most, 1_000 << min(entry.count - free, 20))
        self._failures[key] = entry  # at the end: what has not failed for longest goes first
        if len(self._failures) > _ENTRIES:
            self._failures.popitem(last=False)


def network_of(address: str) -> str:
    """What is held back as one: an IPv4 address, or the /64 that one customer has of IPv6; nothing for loopback.

    Loopback is never held back: it is the administrator, or a proxy that nobody has told us of, and then everybody.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""  # a unix socket
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            return "" if ip.is_loopback else str(ipaddress.ip_network((ip, 64), strict=False))
        ip = ip.ipv4_mapped
    return "" if ip.is_loopback else str(ip)
