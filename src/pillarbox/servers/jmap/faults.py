"""From a fault to JMAP's words for it: this server's one table (RFC 8620 §3.6.2, §5.3, and the types' own errors)."""

from __future__ import annotations

from typing import Any

from pillarbox.core.faults import Fault, Kind

# Each kind as a method-level error, and as a SetError for one record.
TYPES: dict[Kind, tuple[str, str]] = {
    Kind.FORBIDDEN: ("forbidden", "forbidden"),
    Kind.ACCOUNT_NOT_FOUND: ("accountNotFound", "accountNotFound"),
    Kind.ACCOUNT_NOT_SUPPORTED: ("accountNotSupportedByMethod", "accountNotSupportedByMethod"),
    Kind.ACCOUNT_READ_ONLY: ("accountReadOnly", "forbidden"),
    Kind.UNKNOWN_METHOD: ("unknownMethod", "unknownMethod"),
    Kind.INVALID_ARGUMENTS: ("invalidArguments", "invalidProperties"),
    Kind.INVALID_REFERENCE: ("invalidResultReference", "invalidProperties"),
    Kind.REQUEST_TOO_LARGE: ("requestTooLarge", "tooLarge"),
    Kind.UNSUPPORTED_FILTER: ("unsupportedFilter", "invalidProperties"),
    Kind.UNSUPPORTED_SORT: ("unsupportedSort", "invalidProperties"),
    Kind.UNKNOWN_DATA_TYPE: ("unknownDataType", "invalidProperties"),  # RFC 9404 §4.3
    Kind.STATE_MISMATCH: ("stateMismatch", "stateMismatch"),
    Kind.CANNOT_CALCULATE_CHANGES: ("cannotCalculateChanges", "cannotCalculateChanges"),
    Kind.TOO_MANY_CHANGES: ("tooManyChanges", "tooManyChanges"),
    Kind.ANCHOR_NOT_FOUND: ("anchorNotFound", "notFound"),
    Kind.FROM_ACCOUNT_NOT_FOUND: ("fromAccountNotFound", "notFound"),
    Kind.FROM_ACCOUNT_NOT_SUPPORTED: ("fromAccountNotSupportedByMethod", "notFound"),
    # What is about one record stands in a SetError; as the outcome of a whole method it is an argument that is wrong.
    Kind.NOT_FOUND: ("invalidArguments", "notFound"),
    Kind.INVALID_PROPERTIES: ("invalidArguments", "invalidProperties"),
    Kind.INVALID_PATCH: ("invalidArguments", "invalidPatch"),
    Kind.WILL_DESTROY: ("invalidArguments", "willDestroy"),
    Kind.SINGLETON: ("invalidArguments", "singleton"),
    Kind.ALREADY_EXISTS: ("alreadyExists", "alreadyExists"),
    Kind.OVER_QUOTA: ("overQuota", "overQuota"),
    Kind.TOO_LARGE: ("tooLarge", "tooLarge"),
    Kind.RATE_LIMIT: ("rateLimit", "rateLimit"),
    Kind.HAS_CHILD: ("mailboxHasChild", "mailboxHasChild"),  # RFC 8621 §2.5
    Kind.HAS_CONTENT: ("mailboxHasEmail", "mailboxHasEmail"),
    Kind.BLOB_NOT_FOUND: ("blobNotFound", "blobNotFound"),  # RFC 8621 §4.6
    Kind.TOO_MANY_KEYWORDS: ("tooManyKeywords", "tooManyKeywords"),
    Kind.TOO_MANY_CONTAINERS: ("tooManyMailboxes", "tooManyMailboxes"),
    Kind.INVALID_MESSAGE: ("invalidEmail", "invalidEmail"),  # RFC 8621 §4.8, §7.5
    Kind.NO_RECIPIENTS: ("noRecipients", "noRecipients"),  # RFC 8621 §7.5
    Kind.TOO_MANY_RECIPIENTS: ("tooManyRecipients", "tooManyRecipients"),
    Kind.INVALID_RECIPIENTS: ("invalidRecipients", "invalidRecipients"),
    Kind.FORBIDDEN_FROM: ("forbiddenFrom", "forbiddenFrom"),
    Kind.FORBIDDEN_MAIL_FROM: ("forbiddenMailFrom", "forbiddenMailFrom"),
    Kind.FORBIDDEN_TO_SEND: ("forbiddenToSend", "forbiddenToSend"),
    Kind.CANNOT_UNSEND: ("cannotUnsend", "cannotUnsend"),
    Kind.MDN_ALREADY_SENT: ("mdnAlreadySent", "mdnAlreadySent"),  # RFC 9007 §2.1
    Kind.UNAVAILABLE: ("serverUnavailable", "serverUnavailable"),
    Kind.FAILED: ("serverFail", "serverFail"),
}

# The facts that the wire knows, by their name there.
FACTS: dict[str, str] = {
    "properties": "properties",
    "arguments": "arguments",
    "existing_id": "existingId",
    "not_found": "notFound",
    "max_recipients": "maxRecipients",
    "invalid_recipients": "invalidRecipients",
    "max_size": "maxSize",
}


def method_error(fault: Fault) -> dict[str, Any]:
    """The arguments of an `error` response (RFC 8620 §3.6.2)."""
    return _told(TYPES[fault.kind][0], fault)


def set_error(fault: Fault) -> dict[str, Any]:
    """A SetError (RFC 8620 §5.3)."""
    return _told(TYPES[fault.kind][1], fault)


def _told(type: str, fault: Fault) -> dict[str, Any]:
    out: dict[str, Any] = {"type": type}
    if fault.detail:
        out["description"] = fault.detail
    for fact, value in fault.facts.items():
        if (name := FACTS.get(fact)) is not None:
            out[name] = value
    return out
