"""From a fault to a reply: this server's one table (RFC 5321 §4.2, RFC 3463)."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol, TypeVar

from pillarbox.core.event import Event as LogEvent
from pillarbox.core.faults import Fault, Kind
from pillarbox.services.directory import Refusal
from pillarbox.services.mail.incoming import Outcome
from pillarbox.wire.smtp.reply import MESSAGE_TOO_BIG, TRY_LATER, Reply

T = TypeVar("T")
# RFC 3463 §3.3: X.2.2 "the mailbox is full"; its owner can make room, so the sender may try again.
MAILBOX_FULL = Reply(452, "4.2.2", "Mailbox is full")
_NO_SUCH_USER = Reply(550, "5.1.1", "There is no such address")
_NO_MAIL = Reply(550, "5.2.1", "This mailbox takes no messages")
_FORBIDDEN = Reply(550, "5.7.1", "Not allowed")
_RATE = Reply(451, "4.7.1", "Too much for now, try again later")
_BAD_MESSAGE = Reply(554, "5.6.0", "The message is malformed")
_BAD_RECIPIENTS = Reply(550, "5.1.3", "A recipient is no address")

REPLIES: dict[Kind, Reply] = {
    Kind.FORBIDDEN: _FORBIDDEN,
    Kind.ACCOUNT_NOT_FOUND: _NO_SUCH_USER,
    Kind.ACCOUNT_NOT_SUPPORTED: _NO_MAIL,
    Kind.ACCOUNT_READ_ONLY: _NO_MAIL,
    Kind.REQUEST_TOO_LARGE: MESSAGE_TOO_BIG,
    Kind.OVER_QUOTA: MAILBOX_FULL,
    Kind.TOO_LARGE: MESSAGE_TOO_BIG,
    Kind.RATE_LIMIT: _RATE,
    Kind.INVALID_MESSAGE: _BAD_MESSAGE,
    Kind.NO_RECIPIENTS: Reply(554, "5.5.1", "There are no recipients"),
    Kind.TOO_MANY_RECIPIENTS: Reply(452, "4.5.3", "Too many recipients"),
    Kind.INVALID_RECIPIENTS: _BAD_RECIPIENTS,
    Kind.FORBIDDEN_FROM: Reply(550, "5.7.1", "The From address is not the sender's"),
    Kind.FORBIDDEN_MAIL_FROM: Reply(550, "5.7.1", "The reverse-path is not the sender's"),
    Kind.FORBIDDEN_TO_SEND: _FORBIDDEN,
    # What a sender of mail cannot have caused is a mistake of this server: the message waits with the client until it
    # is mended, and is not returned to its author.
    **dict.fromkeys(
        (
            Kind.UNKNOWN_METHOD,
            Kind.INVALID_ARGUMENTS,
            Kind.INVALID_REFERENCE,
            Kind.UNSUPPORTED_FILTER,
            Kind.UNSUPPORTED_SORT,
            Kind.UNKNOWN_DATA_TYPE,
            Kind.STATE_MISMATCH,
            Kind.CANNOT_CALCULATE_CHANGES,
            Kind.TOO_MANY_CHANGES,
            Kind.ANCHOR_NOT_FOUND,
            Kind.FROM_ACCOUNT_NOT_FOUND,
            Kind.FROM_ACCOUNT_NOT_SUPPORTED,
            Kind.NOT_FOUND,
            Kind.INVALID_PROPERTIES,
            Kind.INVALID_PATCH,
            Kind.WILL_DESTROY,
            Kind.SINGLETON,
            Kind.ALREADY_EXISTS,
            Kind.HAS_CHILD,
            Kind.HAS_CONTENT,
            Kind.BLOB_NOT_FOUND,
            Kind.TOO_MANY_KEYWORDS,
            Kind.TOO_MANY_CONTAINERS,
            Kind.CANNOT_UNSEND,
            Kind.MDN_ALREADY_SENT,
            Kind.UNAVAILABLE,
            Kind.FAILED,
        ),
        TRY_LATER,
    ),
}

RELAYING = Reply(550, "5.7.1", "Relaying is not allowed: mail for this domain is not kept here")
# Why an address takes no mail, for who asks by RCPT.
REFUSALS = {
    Refusal.NOT_OURS: Reply(550, "5.1.2", "Mail for this domain is not kept here"),
    Refusal.UNKNOWN: _NO_SUCH_USER,
    Refusal.DISABLED: _NO_MAIL,
    # RFC 3463 §3.5: X.4.6 "Routing loop detected".
    Refusal.LOOP: Reply(554, "5.4.6", "This goes in circles"),
}


def refusal_of(outcome: Outcome) -> Reply:
    """Why a message was not taken over for a recipient."""
    if outcome.refusal is not None:
        return REFUSALS[outcome.refusal]
    assert outcome.fault is not None
    return reply_to(outcome.fault)


def reply_to(fault: Fault) -> Reply:
    """What the client is told. The fault's own words are for the owner of the account, not for who sends it mail."""
    return REPLIES[fault.kind]


class Observed(Protocol):
    """The events of a protocol."""

    REFUSED: LogEvent
    FAILED: LogEvent


async def answered(answer: Awaitable[T], observed: Observed, command: str) -> T | Reply:
    """What somebody answers; a reply in place of what they raise, of which the log is told. Cancellation passes."""
    try:
        return await answer
    except Fault as fault:
        observed.REFUSED.log(command=command, why=fault.kind.value)
        return reply_to(fault)
    except Exception as error:  # noqa: BLE001 - whatever it was: the client keeps the message, and comes again
        observed.FAILED.log(error, command=command)
        return TRY_LATER
