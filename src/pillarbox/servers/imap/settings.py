"""How an IMAP listener behaves."""

from __future__ import annotations

import msgspec


class ImapSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the IMAP listeners of one process; times in seconds, sizes in octets."""

    hostname: str = "localhost"
    max_message: int = 75_000_000
    # With how many messages one command deals (RFC 9738), and how many COPY and APPEND store; 0: no bound of its own.
    message_limit: int = 1_000_000
    save_limit: int = 0
    max_connections: int = 10_000
    # From one address of the network; unix sockets do not count.
    max_connections_per_address: int = 500
    # How long a connection may stay without a login, whatever it says meanwhile.
    login_seconds: float = 60
    # How long a client may take none of its responses, once it has logged in.
    take_seconds: float = 300
    # RFC 9051 §5.4: an inactivity timer is "at least 30 minutes".
    idle_seconds: float = 1_860
    # How long a stop waits for commands that are being carried out.
    stop_seconds: float = 10
    # How many mailboxes one session may watch by NOTIFY, and of how many changes at a time it is told.
    max_watched: int = 10_000
    max_notices: int = 2_000
    # How users reach whoever administers the server: a URI (RFC 5464 §3.2.1.1).
    admin_url: str = "mailto:postmaster@localhost"
    # The session of JMAP for the same mail; none if it is not known under which URL clients reach it (RFC 9698).
    jmap_url: str | None = None
