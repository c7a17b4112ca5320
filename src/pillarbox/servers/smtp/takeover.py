"""A message taken over for all of its recipients, who share one reply; and what its sender is told of single ones.

Sections: RFC 5321 §4.2.5, §6.1; RFC 3461 §5.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.envelope import Envelope
from pillarbox.datatypes.submission_record import DeliveryStatus
from pillarbox.datatypes.view import Transaction
from pillarbox.servers.smtp.faults import refusal_of
from pillarbox.services import bounce
from pillarbox.services.mail.accept import Destination, Incoming, Outcome, accept
from pillarbox.services.mail.incoming import leaving_data
from pillarbox.wire.smtp.reply import Reply

_DELIVERED = DeliveryStatus("250 2.0.0 delivered", "yes")
_SENT_ON = DeliveryStatus("250 2.1.5 sent on to another address", "unknown")
_OF_THE_CLIENT = DeliveryStatus("550 5.0.0 refused", "unknown")  # to tell of


class NotTaken(Exception):
    """Nobody has the message; the transaction is to be undone."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


def take_over(tx: Transaction, incoming: Incoming, host_name: str) -> None:
    """Take a message over, in the transaction that is under way. Raises NotTaken, or the Fault of a single account.

    When one recipient fails for now, as when a mailbox became full since RCPT, nobody gets it and the client is
    told to come again: then that one is refused at RCPT, and the others have not got the message twice. When some
    refuse it for good, as a list that takes mail of its members only, its sender is told of them by a notification. A
    sender whose address is probably forged is not, and then one refusal is that of all: the client tells whom it knows.
    """
    outcomes = accept(tx, incoming)
    refusals = [refusal_of(one) for one in outcomes if not one.is_taken]
    if later := [reply for reply in refusals if reply.code < 500]:
        raise NotTaken(later[0])
    if refusals and (len(refusals) == len(outcomes) or not (incoming.may_answer or _is_bounce(incoming))):
        raise NotTaken(refusals[0])
    if refusals or _is_to_be_told(incoming):
        statuses = [_status(to, one) for to, one in zip(incoming.recipients, outcomes, strict=True)]
        _notify(tx, incoming, statuses, host_name)


def take_each(tx: Transaction, incoming: Incoming, host_name: str) -> list[Outcome]:
    """Take a message over for each recipient that takes it; in their order what became of it. Raises as `accept`.

    By LMTP the client hears of each, and tells the sender of those that failed (RFC 2033 §4.2); of those that have the
    message nobody else can tell.
    """
    outcomes = accept(tx, incoming)
    if _is_to_be_told(incoming):
        statuses = [
            _status(to, one) if one.is_taken else _OF_THE_CLIENT
            for to, one in zip(incoming.recipients, outcomes, strict=True)
        ]
        _notify(tx, incoming, statuses, host_name)
    return outcomes


def _is_bounce(incoming: Incoming) -> bool:
    return not incoming.mail_from.email  # of which nobody is told anyhow


def _is_to_be_told(incoming: Incoming) -> bool:
    return incoming.may_answer and any(to.address.parameter("NOTIFY") for to in incoming.recipients)


def _notify(tx: Transaction, incoming: Incoming, statuses: Sequence[DeliveryStatus], host_name: str) -> None:
    """Send what the sender is owed: of what failed, and of what was delivered if they asked for that."""
    by_address = {to.address.email: status for to, status in zip(incoming.recipients, statuses, strict=True)}
    envelope = Envelope(incoming.mail_from, [to.address for to in incoming.recipients])
    now = datetime.fromtimestamp(tx.now_ms / 1000, UTC)
    report = bounce.report(by_address, envelope, leaving_data(incoming), host_name, now)
    if report is not None:
        bounce.return_report(tx, DIRECTORY, incoming.mail_from, report, is_submitted=False)


def _status(to: Destination, outcome: Outcome) -> DeliveryStatus:
    if not outcome.is_taken:
        reply = refusal_of(outcome)
        return DeliveryStatus(f"{reply.code} {reply.enhanced} {reply.text}", "no")
    # RFC 3461 §5.2.7.3: a list is where a message ends. What only goes on took NOTIFY with it.
    return _DELIVERED if to.found.accounts or to.found.postings else _SENT_ON
