"""What a process asks of the world outside, names of the DNS and URLs, and what it is told of by reports."""

from __future__ import annotations

from typing import NamedTuple

from pillarbox.app.config.settings import Settings
from pillarbox.net.dns.lazy import Resolves
from pillarbox.net.guarded_http import GuardedClient
from pillarbox.net.outbound_address import AddressPolicy
from pillarbox.net.sts_fetch import resolve_by
from pillarbox.services.reports.counts import ReportCounts
from pillarbox.services.reports.failures import Failures
from pillarbox.services.reports.inbox import ReportInbox


class Outside(NamedTuple):
    """Who asks, and who is told."""

    client: GuardedClient
    resolver: Resolves
    inbox: ReportInbox | None = None
    counts: ReportCounts | None = None
    failures: Failures | None = None


def outbound_client(settings: Settings, resolver: Resolves | None = None) -> GuardedClient:
    """Who makes requests. Names are the system's, with its hosts file, unless the settings say whom to ask."""
    outbound, dns = settings.outbound, settings.dns
    is_told = bool(dns.servers or dns.zone_files)
    resolve = resolve_by(resolver) if resolver is not None and is_told else None
    return GuardedClient(AddressPolicy(outbound.allowed_networks), ca_file=outbound.ca_file, resolve=resolve)
