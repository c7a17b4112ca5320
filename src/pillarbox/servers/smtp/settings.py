"""How listeners of SMTP and LMTP behave; times in seconds, sizes in octets."""

from __future__ import annotations

import msgspec


class ListenerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What listeners have in common."""

    name: str = "lmtp"  # in the numbers, and as what its connections are counted
    hostname: str = "localhost"
    # What a message may have at most, 0 for no limit.
    max_size: int = 75_000_000
    max_recipients: int = 1_000
    max_connections: int = 500
    # From one address of the network; unix sockets do not count.
    max_connections_per_address: int = 100
    # From one network: a /24 of IPv4, a /48 of IPv6; 0 for no limit.
    max_connections_per_network: int = 0
    # RFC 5321 §4.5.3.2.7: a server waits "at least 5 minutes" for the next command.
    idle_seconds: float = 300
    # How long a peer may go on without getting anywhere: without a command that was carried out, or some octets.
    patience_seconds: float = 86_400
    # How long a stop waits for messages that are being stored.
    stop_seconds: float = 10
    # Networks of proxies that say by the PROXY protocol for whom they speak.
    trusted_proxies: tuple[str, ...] = ()


class LmtpSettings(ListenerSettings, frozen=True, kw_only=True):
    """Settings of the LMTP listener of one process."""


class SmtpSettings(ListenerSettings, frozen=True, kw_only=True):
    """What inbound and submission have in common."""

    max_recipients: int = 100
    max_connections: int = 1_000
    max_connections_per_address: int = 20
    max_connections_per_network: int = 100
    patience_seconds: float = 600
    max_errors: int = 10
    max_idle: int = 50
    # A message that has come through more servers goes round in a circle (RFC 5321 §6.3 wants at least 100).
    max_hops: int = 100
    # Recipients that do not exist: so many an hour cost a network, or an account, nothing; after that each answer takes
    # its time, and with ten times as many it is told to come back later.
    free_unknown: int = 20
    # How long a refusal takes then.
    tarpit_seconds: float = 5.0


class InboundSettings(SmtpSettings, frozen=True, kw_only=True):
    """Settings of the listener for mail from other servers, in one process."""

    name: str = "inbound"
    xclient_from: tuple[str, ...] = ()


class SubmissionSettings(SmtpSettings, frozen=True, kw_only=True):
    """Settings of the listeners for mail from people who log in, in one process."""

    name: str = "submission"
    max_recipients: int = 1_000
    max_connections_per_network: int = 0  # an office, or a provider's customers
    slow_seconds: float = 5.0  # for each answer to an account that has sent four fifths of what it may
    hold_seconds: int = 30 * 86_400
