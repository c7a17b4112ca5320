"""How an LMTP listener behaves."""

from __future__ import annotations

import msgspec


class LmtpSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the LMTP listener of one process; times in seconds, sizes in octets."""

    hostname: str = "localhost"
    # What a message may have at most, 0 for no limit.
    max_size: int = 75_000_000
    max_recipients: int = 1_000
    max_connections: int = 500
    # From one address of the network; unix sockets do not count.
    max_connections_per_address: int = 100
    # RFC 5321 §4.5.3.2.7: a server waits "at least 5 minutes" for the next command.
    idle_seconds: float = 300
    # How long a stop waits for messages that are being stored.
    stop_seconds: float = 10
