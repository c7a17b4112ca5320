"""How a POP3 listener behaves."""

from __future__ import annotations

import msgspec


class Pop3Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the POP3 listener of one process; times in seconds."""

    max_connections: int = 10_000
    # From one address of the network; unix sockets do not count.
    max_connections_per_address: int = 200
    # How long a connection may be silent before a login. RFC 1939 §3 has its ten minutes for a client's pauses: who has
    # not logged in is not yet a client, and gets them in all.
    login_seconds: float = 60
    # RFC 1939 §3: an inactivity timer "MUST be of at least 10 minutes' duration".
    idle_seconds: float = 600
    # How long a stop waits for commands that are being carried out.
    stop_seconds: float = 10
