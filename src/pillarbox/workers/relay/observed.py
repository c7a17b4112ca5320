"""What relaying lets be seen: events of the log, numbers for /metrics."""

from __future__ import annotations

import logging
from typing import Any

from pillarbox.core.event import Event
from pillarbox.core.metric import Counter
from pillarbox.datatypes.outbox import Entry
from pillarbox.services.relay import Concluded
from pillarbox.workers.relay.attempt import Attempt

RELAYED = Event(
    "relay.relayed",
    logging.INFO,
    "another server took a message",
    "message_id",
    "accepted_as",
    "destination",
    "recipients",
    "reply",
)
DEFERRED = Event(
    "relay.deferred",
    logging.INFO,
    "a message could not be sent yet, and is tried again",
    "message_id",
    "accepted_as",
    "destination",
    "recipients",
    "reply",
    per_minute=600,
)
FAILED = Event(
    "relay.failed",
    logging.WARNING,
    "a message cannot be sent",
    "message_id",
    "accepted_as",
    "destination",
    "recipients",
    "reply",
)
NOT_SENT = Event("relay.error", logging.ERROR, "sending a message met an error", "destination", per_minute=60)
NOT_CONCLUDED = Event(
    "relay.not_concluded", logging.ERROR, "what became of a message was not written down", "destination", per_minute=60
)
LEASE_LOST = Event(
    "relay.lease_lost",
    logging.WARNING,
    "the queue was slow to answer or this process was, and another worker has taken over a message",
    "destination",
    per_minute=60,
)
OVERDUE = Event(
    "relay.overdue",
    logging.WARNING,
    "throttles have held mail back for so long that its senders were told of it",
    "given_up",
    "told",
)
LATE = Event(
    "relay.late",
    logging.INFO,
    "mail was not delivered by the time that its sender had set",
    "given_up",
    "told",
    per_minute=60,
)
_LONGEST_REPLY = 300
RECIPIENTS = Counter(
    "pillarbox_relay_recipients_total",
    "Recipients that mail was sent to, or not, by what came of the attempt.",
    result=("sent", "failed", "later"),
)


def tell(entry: Entry, attempt: Attempt, done: Concluded) -> None:
    """Log and count what became of a claim."""

    def reply(*outcomes: str) -> str:
        return next((one.reply for one in attempt.results if one.outcome in outcomes), "")[:_LONGEST_REPLY]

    about: dict[str, Any] = {"message_id": entry.message, "accepted_as": entry.item, "destination": entry.destination}
    if done.sent:
        RELAYED.log(**about, recipients=done.sent, reply=reply("delivered", "relayed"))
        RECIPIENTS.add(done.sent, "sent")
    if done.later:
        DEFERRED.log(**about, recipients=done.later, reply=reply("later"))
        RECIPIENTS.add(done.later, "later")
    if done.failed:
        FAILED.log(**about, recipients=done.failed, reply=reply("failed", "later"))
        RECIPIENTS.add(done.failed, "failed")
