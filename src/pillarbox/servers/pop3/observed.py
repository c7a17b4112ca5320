"""What POP3 lets be seen of itself: events of the log, numbers for /metrics."""

from __future__ import annotations

import logging

from pillarbox.core.event import Event
from pillarbox.core.metric import Counter, Gauge, Histogram

FAILED = Event("pop3.failed", logging.ERROR, "a command met an error of the server", "command")
NOT_REMOVED = Event(
    "pop3.not_removed", logging.WARNING, "messages were not removed at the end of a session", "messages", "why"
)
TOO_MANY = Event(
    "pop3.too_many_connections", logging.WARNING, "a connection was sent away", "address", "connections", per_minute=10
)

COMMANDS = Counter("pillarbox_pop3_commands_total", "Commands by their answer.", result=("ok", "err"))
COMMAND_SECONDS = Histogram("pillarbox_pop3_command_seconds", "How long commands took, with what was sent of messages.")
MESSAGES = Counter("pillarbox_pop3_messages_total", "Messages that were sent or removed.", what=("sent", "removed"))
CONNECTIONS = Gauge("pillarbox_pop3_connections", "Open connections.")
CONNECTIONS_MADE = Counter("pillarbox_pop3_connections_total", "Connections that were made.")
