"""What a process asks of the world outside, names of the DNS and URLs, and what it is told of by reports."""

from __future__ import annotations

from typing import NamedTuple

from pillarbox.net.dns.lazy import Resolves
from pillarbox.net.guarded_http import GuardedClient
from pillarbox.services.reports.counts import ReportCounts
from pillarbox.services.reports.inbox import ReportInbox


class Outside(NamedTuple):
    """Who asks, and who is told."""

    client: GuardedClient
    resolver: Resolves
    inbox: ReportInbox | None = None
    counts: ReportCounts | None = None
