"""The resolver of a process, by the settings."""

from __future__ import annotations

from pillarbox.app.config.dns import Dns
from pillarbox.net.dns.lazy import LazyResolver
from pillarbox.net.dns.settings import DnsSettings

_TRUST = {"loopback": None, "always": True, "never": False}


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
