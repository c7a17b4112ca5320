"""What a process asks of the world outside: names of the DNS, and URLs."""

from __future__ import annotations

from typing import NamedTuple

from pillarbox.net.dns.lazy import Resolves
from pillarbox.net.guarded_http import GuardedClient


class Outside(NamedTuple):
    """Who asks."""

    client: GuardedClient
    resolver: Resolves
