"""What an administrator may want to be different about relaying."""

from __future__ import annotations

from dataclasses import dataclass, field

from pillarbox.net.outbound_address import AddressPolicy
from pillarbox.services.queue_throttle import Throttles
from pillarbox.services.relay import Schedule
from pillarbox.services.route import Routes
from pillarbox.wire.smtp_client.conversation import Timeouts


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """How mail leaves. Numbers of messages are those of this process; a destination's are of all nodes together."""

    hostname: str
    routes: Routes = field(default_factory=Routes)
    throttles: Throttles = field(default_factory=Throttles)
    schedule: Schedule = field(default_factory=Schedule)
    concurrency: int = 50  # messages under way in each virtual queue
    per_destination: int = 10
    lease_seconds: float = 120.0
    idle_seconds: float = 5.0  # for which a connection is kept for the next message
    stop_seconds: float = 10.0
    source_addresses: tuple[str, ...] = ()  # at most one of each family
    port: int = 25
    allowed: AddressPolicy = field(default_factory=AddressPolicy)  # where mail goes on the word of the DNS
    timeouts: Timeouts = field(default_factory=Timeouts)
    connect_seconds: float = 30.0
    attempt_seconds: float = 1800.0  # for all servers of a domain together, and more for a large message
