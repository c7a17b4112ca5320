"""What the resolver lets be seen of itself."""

from __future__ import annotations

import logging

from pillarbox.core.event import Event
from pillarbox.core.metric import Counter, Gauge, Histogram

FAILED = Event("dns.failed", logging.INFO, "a question about a name was not answered", "name", "type", per_minute=30)
SERVER_SILENT = Event("dns.silent", logging.WARNING, "a resolver does not answer", "server", "why", per_minute=6)

QUESTIONS = Counter(
    "pillarbox_dns_questions_total",
    "Questions to the DNS, by how they ended.",
    answer=("cached", "found", "no_data", "no_name", "failed"),
)
SECONDS = Histogram("pillarbox_dns_seconds", "How long questions to the DNS took that were not remembered.")
WAITING = Gauge("pillarbox_dns_waiting", "Questions to the DNS that wait for an answer.")
