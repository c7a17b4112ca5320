"""A message taken over for all of its recipients, who share one reply; and what its sender is told of single ones.

Sections: RFC 5321 §4.2.5, §6.1; RFC 3461 §5.2.
"""

from __future__ import annotations

from datetime import UTC, datetime

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.envelope import Address, Envelope
from pillarbox.datatypes.submission_record import DeliveryStatus
from pillarbox.datatypes.view import Transaction
from pillarbox.servers.smtp.faults import refusal_of
from pillarbox.services import bounce
from pillarbox.services.mail.accept import Incoming, accept
from pillarbox.services.mail.incoming import leaving_data
from pillarbox.services.queue import Outgoing, enqueue
from pillarbox.wire.smtp.reply import Reply

_DELIVERED = DeliveryStatus("250 2.0.0 delivered", "yes")


class NotTaken(Exception):
    """Nobody has the message; the transaction is to be undone."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


def take_over(tx: Transaction, incoming: Incoming, host_name: str) -> None:
    """Take a message over, in the transaction that is under way. Raises NotTaken, or the Fault of a single account.

    When one recipient fails for now, as when a mailbox became full since RCPT, nobody gets it and the client is
    told to come again: then that one is refused at RCPT, and the others have not got the message twice. When some
    refuse it for good, as a list that takes mail of its members only, its sender is told of them by a notification.
    """
    replies = [None if one.is_taken else refusal_of(one) for one in accept(tx, incoming)]
    refusals = [reply for reply in replies if reply is not None]
    if later := [reply for reply in refusals if reply.code < 500]:
        raise NotTaken(later[0])
    if refusals and len(refusals) == len(replies):
        raise NotTaken(refusals[0])
    if refusals or any(to.address.parameter("NOTIFY") for to in incoming.recipients):
        _notify(tx, incoming, replies, host_name)


def _notify(tx: Transaction, incoming: Incoming, replies: list[Reply | None], host_name: str) -> None:
    """Queue what the sender is owed: of what failed, and of what was delivered if they asked for that."""
    statuses = {
        to.address.email: _DELIVERED if reply is None else _failed(reply)
        for to, reply in zip(incoming.recipients, replies, strict=True)
    }
    envelope = Envelope(incoming.mail_from, [to.address for to in incoming.recipients])
    now = datetime.fromtimestamp(tx.now_ms / 1000, UTC)
    report = bounce.report(statuses, envelope, leaving_data(incoming), host_name, now)
    if report is None:
        return
    # RFC 3461 §5.2: a notification has the null reverse-path, and is itself not notified about.
    recipients = [Address(incoming.mail_from.email, {"NOTIFY": "NEVER"})]
    outgoing = Outgoing(
        account=DIRECTORY, data=report, mail_from=Address(""), recipients=recipients, origin="notification"
    )
    enqueue(tx, outgoing)


def _failed(reply: Reply) -> DeliveryStatus:
    return DeliveryStatus(f"{reply.code} {reply.enhanced} {reply.text}", "no")
