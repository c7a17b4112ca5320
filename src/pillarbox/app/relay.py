"""Puts together what sends mail to other servers; loaded where there is something that sends."""

from __future__ import annotations

from pillarbox.app.config.settings import Settings
from pillarbox.app.dns import transports_of
from pillarbox.net.bridge import Bridge
from pillarbox.net.dns.lazy import LazyResolver
from pillarbox.net.outbound_address import AddressPolicy
from pillarbox.net.outbound_tls import OutboundTls
from pillarbox.services.queue_throttle import THROTTLING, Throttles
from pillarbox.services.relay import Schedule
from pillarbox.services.route import ROUTING, Routes
from pillarbox.services.signing import signature_fields
from pillarbox.workers.relay.attempt import Attempts
from pillarbox.workers.relay.connect import Connector
from pillarbox.workers.relay.settings import RelaySettings
from pillarbox.workers.relay.tally import Tally
from pillarbox.workers.relay.worker import RelayWorker


def relay_settings(settings: Settings) -> RelaySettings:
    """What the settings say of relaying. Raises RouteError."""
    relay = settings.relay
    return RelaySettings(
        hostname=settings.hostname,
        routes=Routes(relay.routes, relay.smarthost),
        throttles=Throttles(relay.throttles),
        schedule=Schedule(
            retry_minutes=relay.retry_minutes or (30,),
            expire_days=relay.expire_days,
            delay_notice_hours=relay.delay_notice_hours,
            suppress_days=relay.suppress_days,
        ),
        concurrency=relay.concurrency,
        per_destination=relay.concurrency_per_destination,
        lease_seconds=relay.lease_seconds,
        idle_seconds=relay.idle_seconds,
        stop_seconds=settings.stop_seconds,
        source_addresses=relay.source_addresses,
        port=relay.port,
        allowed=AddressPolicy(relay.allowed_networks),
    )


def relay_worker(settings: Settings, bridge: Bridge, resolver: LazyResolver, tally: Tally | None = None) -> RelayWorker:
    """The worker; it counts TLS sessions in `tally`. Raises RouteError for routes that cannot be meant."""
    chosen = relay_settings(settings)
    ROUTING.routes = chosen.routes
    THROTTLING.throttles = chosen.throttles
    connector = Connector(chosen, OutboundTls(settings.outbound.ca_file), tally or Tally())
    transports = transports_of(settings, bridge, resolver)
    attempts = Attempts(bridge, chosen, connector, transports, resolver, signature_fields)
    return RelayWorker(bridge, chosen, attempts)
