"""From a fault to a tagged response: this server's one table (RFC 9051 §7.1)."""

from __future__ import annotations

from pillarbox.core.faults import Fault, Kind
from pillarbox.servers.imap.done import Done

# Kind -> (status, response code). The words are the fault's own, or the kind's.
ANSWERS: dict[Kind, tuple[str, str]] = {
    Kind.FORBIDDEN: ("NO", "NOPERM"),
    Kind.ACCOUNT_NOT_FOUND: ("NO", "NONEXISTENT"),
    Kind.ACCOUNT_NOT_SUPPORTED: ("NO", "CANNOT"),
    Kind.ACCOUNT_READ_ONLY: ("NO", "NOPERM"),
    Kind.REQUEST_TOO_LARGE: ("NO", "LIMIT"),
    Kind.UNSUPPORTED_FILTER: ("NO", "CANNOT"),
    Kind.UNSUPPORTED_SORT: ("NO", "CANNOT"),
    Kind.NOT_FOUND: ("NO", "NONEXISTENT"),
    Kind.FROM_ACCOUNT_NOT_FOUND: ("NO", "NONEXISTENT"),
    Kind.FROM_ACCOUNT_NOT_SUPPORTED: ("NO", "CANNOT"),
    Kind.INVALID_PROPERTIES: ("NO", "CANNOT"),
    Kind.ALREADY_EXISTS: ("NO", "ALREADYEXISTS"),
    Kind.OVER_QUOTA: ("NO", "OVERQUOTA"),
    Kind.TOO_LARGE: ("NO", "TOOBIG"),
    Kind.RATE_LIMIT: ("NO", "LIMIT"),
    Kind.HAS_CHILD: ("NO", "HASCHILDREN"),
    Kind.HAS_CONTENT: ("NO", "CANNOT"),
    Kind.TOO_MANY_KEYWORDS: ("NO", "LIMIT"),
    Kind.TOO_MANY_CONTAINERS: ("NO", "LIMIT"),
    Kind.INVALID_MESSAGE: ("NO", "CANNOT"),
    Kind.SINGLETON: ("NO", "CANNOT"),
    Kind.UNAVAILABLE: ("NO", "UNAVAILABLE"),
    # RFC 9051 §7.1: BAD is for a mistake of the client, such as the number of a message that is not there.
    Kind.INVALID_ARGUMENTS: ("BAD", ""),
    # What a command of IMAP cannot have caused is a mistake of this server.
    **dict.fromkeys(
        (
            Kind.UNKNOWN_METHOD,
            Kind.INVALID_REFERENCE,
            Kind.UNKNOWN_DATA_TYPE,
            Kind.STATE_MISMATCH,
            Kind.CANNOT_CALCULATE_CHANGES,
            Kind.TOO_MANY_CHANGES,
            Kind.ANCHOR_NOT_FOUND,
            Kind.INVALID_PATCH,
            Kind.WILL_DESTROY,
            Kind.BLOB_NOT_FOUND,
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
        ("NO", "SERVERBUG"),
    ),
}


def answer_to(fault: Fault) -> Done:
    """What the client is told."""
    status, code = ANSWERS[fault.kind]
    if fault.kind is Kind.NOT_FOUND and fault.facts.get("try_create"):
        code = "TRYCREATE"  # RFC 9051 §7.1: the client may create the mailbox, and try again
    return Done(status, code, str(fault))
