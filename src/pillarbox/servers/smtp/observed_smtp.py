"""What inbound SMTP and submission let be seen of themselves: events of the log, numbers for /metrics."""

from __future__ import annotations

import logging

from pillarbox.core.event import Event
from pillarbox.core.metric import Counter, Histogram
from pillarbox.core.operation import Operation
from pillarbox.core.slow import finish
from pillarbox.wire.smtp.reply import Reply
from pillarbox.wire.smtp.state import Event as Command
from pillarbox.wire.smtp.state import Login, Message, Recipient

_LISTENERS = ("inbound", "submission")
_RESULTS = ("accepted", "refused", "later")

MESSAGE = Event("smtp.message", logging.INFO, "a message was answered", "listener", "octets", "reply", "ms")
REFUSED = Event("smtp.refused", logging.WARNING, "a command was refused", "command", "why", per_minute=600)
FAILED = Event("smtp.failed", logging.ERROR, "a command met an error of the server", "command")
HARVEST = Event(
    "smtp.harvest", logging.WARNING, "a peer asks for addresses that do not exist", "address", "unknown", per_minute=60
)
SENDER_REFUSED = Event(
    "submission.sender_refused",
    logging.WARNING,
    "an account may not send as an address",
    "account",
    "sender",
    per_minute=600,
)

MESSAGES = Counter(
    "pillarbox_smtp_messages_total", "Messages by the reply to them.", listener=_LISTENERS, result=_RESULTS
)
RECIPIENTS = Counter(
    "pillarbox_smtp_recipients_total", "Recipients by the reply to RCPT.", listener=_LISTENERS, result=_RESULTS
)
MESSAGE_SECONDS = Histogram(
    "pillarbox_smtp_message_seconds", "How long it took to check and take a message.", listener=_LISTENERS
)
OCTETS = Counter("pillarbox_smtp_octets_total", "Octets of messages that were accepted.", listener=_LISTENERS)
JUNK = Counter("pillarbox_smtp_junk_total", "Messages that were accepted into junk mailboxes.")


def note(listener: str, operation: Operation, command: Command, reply: Reply) -> None:
    """Count what a command was answered, and tell of a message."""
    result = "accepted" if reply.is_positive else "later" if reply.code < 500 else "refused"
    seconds = finish(operation, str(reply.code))
    if isinstance(command, Recipient):
        RECIPIENTS.count(listener, result)
    elif isinstance(command, Message):
        MESSAGES.count(listener, result)
        MESSAGE_SECONDS.observe(seconds, listener)
        if reply.is_positive:
            OCTETS.add(command.size, listener)
        MESSAGE.log(
            listener=listener, octets=command.size, reply=f"{reply.code} {reply.enhanced}", ms=round(seconds * 1000, 1)
        )
    elif isinstance(command, Login) and not reply.is_positive:
        REFUSED.log(command="login", why=reply.enhanced)
