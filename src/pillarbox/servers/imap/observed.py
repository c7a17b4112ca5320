"""What IMAP lets be seen of itself: events of the log, numbers for /metrics."""

from __future__ import annotations

import logging

from pillarbox.core.event import Event
from pillarbox.core.metric import Counter, Gauge, Histogram

FAILED = Event("imap.failed", logging.ERROR, "a command met an error of the server", "command")
TOO_MANY = Event(
    "imap.too_many_connections", logging.WARNING, "a connection was sent away", "address", "connections", per_minute=10
)

COMMANDS = Counter("pillarbox_imap_commands_total", "Commands by their answer.", result=("ok", "no", "bad"))
COMMAND_SECONDS = Histogram("pillarbox_imap_command_seconds", "How long commands took, but for IDLE.")
CONNECTIONS = Gauge("pillarbox_imap_connections", "Open connections.")
CONNECTIONS_MADE = Counter("pillarbox_imap_connections_total", "Connections that were made.")
