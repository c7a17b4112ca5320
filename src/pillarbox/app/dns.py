"""The resolver of a process, and what finds ways to other domains with it, by the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.app.config.dns import Dns
from pillarbox.app.config.settings import Settings
from pillarbox.net.bridge import Bridge
from pillarbox.net.dns.lazy import LazyResolver
from pillarbox.net.dns.settings import DnsSettings

if TYPE_CHECKING:
    from pillarbox.workers.transport import Transports

_TRUST = {"loopback": None, "always": True, "never": False}


def asks_dns(settings: Settings) -> bool:
    """Whether every process, or the one that sends mail, is going to ask questions as soon as there is mail."""
    smtp = settings.smtp
    return settings.relay.enabled or bool(smtp.listen and (smtp.authenticate or settings.screening.block_lists))


def resolver_of(dns: Dns) -> LazyResolver:
    """A resolver that is made when it is first asked."""
    return LazyResolver(dns_settings(dns))


def dns_settings(dns: Dns) -> DnsSettings:
    """The settings as the resolver takes them."""
    return DnsSettings(
        servers=dns.servers,
        trust_ad=_TRUST[dns.trust_ad],
        zone_files=dns.zone_files,
        try_seconds=float(dns.try_seconds),
        question_seconds=float(dns.question_seconds),
        lookup_seconds=float(dns.lookup_seconds),
        max_questions=dns.max_questions,
        cache_octets=dns.cache_octets,
    )


def transports_of(settings: Settings, bridge: Bridge, resolver: LazyResolver) -> Transports:
    """The ways to other domains, for who relays to them; loaded only there."""
    from pillarbox.net.guarded_http import GuardedClient  # noqa: PLC0415
    from pillarbox.net.outbound_address import AddressPolicy  # noqa: PLC0415
    from pillarbox.net.sts_fetch import resolve_by  # noqa: PLC0415
    from pillarbox.workers.mta_sts import StsPolicies  # noqa: PLC0415
    from pillarbox.workers.transport import Transports  # noqa: PLC0415

    outbound = settings.outbound
    client = GuardedClient(
        AddressPolicy(outbound.allowed_networks), ca_file=outbound.ca_file, resolve=resolve_by(resolver)
    )
    return Transports(resolver, StsPolicies(bridge, resolver, client), (settings.hostname,))
