"""How many connections one address may have at a time, in all processes of the server, and how many a process holds.

Of a connection from a trusted proxy nobody knows whose it is: there each request is counted for as long as it is under
way, streams and WebSockets among them, under the address that the proxy names. docs/topics/limits-and-quotas.md.
"""

from __future__ import annotations

import functools
import resource
from collections.abc import Callable

from pillarbox.net.count import Counts, Seat
from pillarbox.servers.http import observed
from pillarbox.servers.http.forwarded import Forwarding
from pillarbox.servers.http.problem import Problem
from pillarbox.servers.http.request import Request
from pillarbox.services.throttle import network_of

_SPARED_FILES = 256  # for the store, and for what else a process opens
_REMEMBERED = 4_096
_RETRY = ((b"retry-after", b"5"),)


class Admission:
    """Lets connections and requests in."""

    def __init__(
        self,
        forwarding: Forwarding,
        counts: Seat | None = None,
        *,
        per_address: int = 100,
        per_process: int = 20_000,
        network: Callable[[str], str] = network_of,
    ) -> None:
        """`network` tells what is counted as one; what it has no name for is not counted."""
        self._forwarding, self._counts = forwarding, counts or Counts().seat()
        self._per_address, self._network = per_address, network
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        can_hold = per_process if files == resource.RLIM_INFINITY else max(files - _SPARED_FILES, files // 2)
        self._per_process = min(per_process, can_hold)
        self._key_of = functools.lru_cache(_REMEMBERED)(self._key)

    def _key(self, address: str) -> str:
        """What a connection from an address is counted under; nothing for proxies, loopback and unix sockets."""
        return "" if self._forwarding.trusts(address) else self._network(address)

    @property
    def counts_requests(self) -> bool:
        """Whether there are proxies, so that requests are to be counted, too."""
        return self._forwarding.trusts_anybody

    def connect(self, peer: str, connections: int) -> str:
        """Count a connection, this one among so many here; returns the key to `leave` with. Raises 429 or 503."""
        if connections > self._per_process:
            observed.FULL.log(connections=connections)
            raise Problem(503, "the server has too many connections", headers=_RETRY)
        return self._enter(self._key_of(peer), peer)

    def begin(self, request: Request) -> str:
        """Count a request that a proxy passes on; returns the key to `leave` with. Raises a 429 problem."""
        if self._key_of(request.peer):
            return ""  # the connection is counted
        address = self._forwarding.address(request)  # that of the peer, if it is no proxy of ours
        return self._enter(self._key_of(address), address)

    def _enter(self, key: str, address: str) -> str:
        if key and not self._counts.enter(("http", key), self._per_address):
            observed.TOO_MANY.log(address=address, connections=self._counts.total(("http", key)))
            raise Problem(429, f"at most {self._per_address} connections of one address", headers=_RETRY)
        return key

    def leave(self, key: str) -> None:
        """What was counted is over."""
        if key:
            self._counts.leave(("http", key))
