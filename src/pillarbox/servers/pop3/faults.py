"""From a fault to a reply: this server's one table (RFC 2449 §8, RFC 3206)."""

from __future__ import annotations

from pillarbox.core.faults import Fault, Kind
from pillarbox.wire.pop3.reply import err

_OWN = ""  # the fault's own words are for the client
_NO_ACCOUNT = "There is no such account, or it is not yours"
_LATER = "Try again later"

# Kind -> (response code, words).
ANSWERS: dict[Kind, tuple[str, str]] = {
    Kind.FORBIDDEN: ("", _OWN),
    Kind.ACCOUNT_NOT_FOUND: ("", _NO_ACCOUNT),
    Kind.ACCOUNT_NOT_SUPPORTED: ("", _NO_ACCOUNT),
    Kind.ACCOUNT_READ_ONLY: ("", "This maildrop can only be read"),
    Kind.NOT_FOUND: ("", _OWN),
    Kind.BLOB_NOT_FOUND: ("", "The message is gone"),
    Kind.RATE_LIMIT: ("SYS/TEMP", "Too much for now"),
    Kind.UNAVAILABLE: ("SYS/TEMP", _LATER),
    # What a command of POP3 cannot have caused is a mistake of this server: the client keeps its settings, and comes
    # again (RFC 3206 §4).
    **dict.fromkeys(
        (
            Kind.UNKNOWN_METHOD,
            Kind.INVALID_ARGUMENTS,
            Kind.INVALID_REFERENCE,
            Kind.REQUEST_TOO_LARGE,
            Kind.UNSUPPORTED_FILTER,
            Kind.UNSUPPORTED_SORT,
            Kind.UNKNOWN_DATA_TYPE,
            Kind.STATE_MISMATCH,
            Kind.CANNOT_CALCULATE_CHANGES,
            Kind.TOO_MANY_CHANGES,
            Kind.ANCHOR_NOT_FOUND,
            Kind.FROM_ACCOUNT_NOT_FOUND,
            Kind.FROM_ACCOUNT_NOT_SUPPORTED,
            Kind.INVALID_PROPERTIES,
            Kind.INVALID_PATCH,
            Kind.WILL_DESTROY,
            Kind.SINGLETON,
            Kind.ALREADY_EXISTS,
            Kind.OVER_QUOTA,
            Kind.TOO_LARGE,
            Kind.HAS_CHILD,
            Kind.HAS_CONTENT,
            Kind.TOO_MANY_KEYWORDS,
            Kind.TOO_MANY_CONTAINERS,
            Kind.INVALID_MESSAGE,
            Kind.NO_RECIPIENTS,
            Kind.TOO_MANY_RECIPIENTS,
            Kind.INVALID_RECIPIENTS,
            Kind.FORBIDDEN_FROM,
            Kind.FORBIDDEN_MAIL_FROM,
            Kind.FORBIDDEN_TO_SEND,
            Kind.CANNOT_UNSEND,
            Kind.MDN_ALREADY_SENT,
            Kind.FAILED,
        ),
        ("SYS/TEMP", "Something went wrong here"),
    ),
}


def reply_to(fault: Fault) -> bytes:
    """What the client is told."""
    code, words = ANSWERS[fault.kind]
    return err(words or str(fault), code)
