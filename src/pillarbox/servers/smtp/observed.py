"""What LMTP lets be seen of itself: events of the log, numbers for /metrics."""

from __future__ import annotations

import logging
from collections import Counter as Counts

from pillarbox.core.event import Event
from pillarbox.core.metric import Counter, Gauge, Histogram
from pillarbox.core.operation import Operation
from pillarbox.core.slow import finish
from pillarbox.wire.smtp.reply import Reply
from pillarbox.wire.smtp.state import Event as Command
from pillarbox.wire.smtp.state import Message

LISTENERS = ("lmtp", "inbound", "submission")

DELIVERED = Event(
    "lmtp.delivered", logging.INFO, "a message was answered", "octets", "stored", "refused", "later", "ms"
)  # fmt: skip
REFUSED = Event("lmtp.refused", logging.WARNING, "a command was refused", "command", "why", per_minute=600)
FAILED = Event("lmtp.failed", logging.ERROR, "a command met an error of the server", "command")
TOO_MANY = Event(
    "smtp.too_many_connections",
    logging.WARNING,
    "a connection was sent away",
    "listener",
    "address",
    "connections",
    per_minute=10,
)
LISTED = Event("smtp.listed", logging.INFO, "a client's address is on a list", "address", "list", per_minute=60)
GREYLISTED = Event(
    "smtp.greylisted", logging.INFO, "a client was asked to come again", "address", "seconds", per_minute=60
)
HOOK_FAILED = Event("smtp.hook_failed", logging.ERROR, "a hook failed", "hook", "stage", "why", per_minute=60)
FILTER_FAILED = Event(
    "smtp.filter_failed", logging.WARNING, "a filter could not be asked", "filter", "why", per_minute=60
)

RECIPIENTS = Counter(
    "pillarbox_lmtp_recipients_total", "Recipients by the reply to RCPT.", result=("accepted", "refused", "later")
)
DELIVERIES = Counter(
    "pillarbox_lmtp_deliveries_total",
    "Replies for recipients after the message.",
    result=("stored", "refused", "later"),
)
DELIVERY_SECONDS = Histogram("pillarbox_lmtp_delivery_seconds", "How long it took to read and store a message.")
OCTETS = Counter("pillarbox_lmtp_octets_total", "Octets of messages that were stored.")
CONNECTIONS = Gauge("pillarbox_smtp_connections", "Open connections.", listener=LISTENERS)
CONNECTIONS_MADE = Counter("pillarbox_smtp_connections_total", "Connections that were made.", listener=LISTENERS)


def note(operation: Operation, command: Command, answer: Reply | list[Reply]) -> None:
    """Count what a command was answered, and tell of a message."""
    replies = [answer] if isinstance(answer, Reply) else answer
    if not isinstance(command, Message):
        RECIPIENTS.count(_result(replies[0].code, "accepted"))
        finish(operation, str(replies[0].code))
        return
    replies = replies if len(replies) == len(command.recipients) else replies * len(command.recipients)
    counts = Counts(_result(reply.code, "stored") for reply in replies)
    for result, number in counts.items():
        DELIVERIES.add(number, result)
    seconds = finish(operation, str(replies[0].code))
    DELIVERY_SECONDS.observe(seconds)
    if counts["stored"]:
        OCTETS.add(command.size)
    stored, refused, later = counts["stored"], counts["refused"], counts["later"]
    DELIVERED.log(octets=command.size, stored=stored, refused=refused, later=later, ms=round(seconds * 1000, 1))


def _result(code: int, good: str) -> str:
    """The label for a reply's code (RFC 5321 §4.2.1)."""
    return good if code < 400 else "later" if code < 500 else "refused"
