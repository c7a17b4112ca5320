"""What HTTP lets be seen of itself: events of the log, numbers for /metrics."""

from __future__ import annotations

import logging

from pillarbox.core.event import Event
from pillarbox.core.metric import Counter, Gauge, Histogram

RESOURCES = ("api", "session", "upload", "download", "events", "websocket", "ticket", "health", "metrics")
_METHODS = ("GET", "HEAD", "POST", "OPTIONS")
_STATUSES = (101, 200, 201, 204, 206, 304, 400, 401, 403, 404, 405, 413, 415, 416, 426, 429, 500, 503, 507)

REQUEST = Event(
    "http.request", logging.INFO, "a request was answered", "method", "resource", "status", "ms", "octets"
)  # fmt: skip
REQUEST_FAILED = Event("http.failed", logging.ERROR, "a request met an error of the server", "method", "resource")
MALFORMED = Event(
    "http.malformed", logging.INFO, "octets that are no HTTP request were refused", "address", "status", per_minute=10
)
TOO_MANY = Event(
    "http.too_many_connections",
    logging.WARNING,
    "an address has as many connections as it may, name it in http.trusted_proxies if it is a proxy",
    "address",
    "connections",
    per_minute=10,
)
FULL = Event("http.full", logging.ERROR, "the process has as many connections as it may", "connections", per_minute=10)

REQUESTS = Counter(
    "pillarbox_http_requests_total",
    "Requests that were answered.",
    resource=RESOURCES,
    method=_METHODS,
    status=map(str, _STATUSES),
)
REQUEST_SECONDS = Histogram(
    "pillarbox_http_request_seconds", "How long requests took; streams are not counted.", resource=RESOURCES
)
MALFORMED_REQUESTS = Counter("pillarbox_http_malformed_total", "What was no HTTP request.")
STREAMS = Gauge("pillarbox_http_streams", "Open event streams.")
CONNECTIONS = Gauge("pillarbox_http_connections", "Open connections.")
CONNECTIONS_REFUSED = Counter("pillarbox_http_connections_refused_total", "Connections that were too many.")
CONNECTIONS_MADE = Counter("pillarbox_http_connections_total", "Connections that were made.")
# str(status) would be made anew for each request.
STATUS_TEXT = {status: str(status) for status in range(100, 600)}
