"""What can go wrong, told without any protocol's words.

One closed family: a `Fault` has a `Kind` and the facts that a reader needs. Each server owns one table from kind to its
own answer, and a test asserts that every kind has a row in every table.
"""

from __future__ import annotations

from enum import Enum
from typing import Any


class Kind(Enum):
    """Every way in which a request, or the change of one record, can be refused."""

    # who asks, and for what
    FORBIDDEN = "forbidden"
    ACCOUNT_NOT_FOUND = "account not found"
    ACCOUNT_NOT_SUPPORTED = "account does not have this kind of data"
    ACCOUNT_READ_ONLY = "account is read-only"
    # what was asked
    UNKNOWN_METHOD = "unknown method"
    INVALID_ARGUMENTS = "invalid arguments"
    INVALID_REFERENCE = "invalid result reference"
    REQUEST_TOO_LARGE = "request too large"
    UNSUPPORTED_FILTER = "unsupported filter"
    UNSUPPORTED_SORT = "unsupported sort"
    UNKNOWN_DATA_TYPE = "unknown data type"
    # against what is stored
    STATE_MISMATCH = "state mismatch"
    CANNOT_CALCULATE_CHANGES = "cannot calculate changes"
    TOO_MANY_CHANGES = "too many changes"
    ANCHOR_NOT_FOUND = "anchor not found"
    FROM_ACCOUNT_NOT_FOUND = "source account not found"
    FROM_ACCOUNT_NOT_SUPPORTED = "source account does not have this kind of data"
    # one record
    NOT_FOUND = "not found"
    INVALID_PROPERTIES = "invalid properties"
    INVALID_PATCH = "invalid patch"
    WILL_DESTROY = "will be destroyed in the same call"
    SINGLETON = "singleton"
    ALREADY_EXISTS = "already exists"
    OVER_QUOTA = "over quota"
    TOO_LARGE = "too large"
    RATE_LIMIT = "rate limit"
    HAS_CHILD = "has children"
    HAS_CONTENT = "has content"
    BLOB_NOT_FOUND = "blob not found"
    TOO_MANY_KEYWORDS = "too many keywords"
    TOO_MANY_CONTAINERS = "in too many mailboxes"
    INVALID_MESSAGE = "invalid message"
    NO_RECIPIENTS = "no recipients"
    TOO_MANY_RECIPIENTS = "too many recipients"
    INVALID_RECIPIENTS = "invalid recipients"
    FORBIDDEN_FROM = "forbidden From address"
    FORBIDDEN_MAIL_FROM = "forbidden reverse-path"
    FORBIDDEN_TO_SEND = "not allowed to send"
    CANNOT_UNSEND = "cannot unsend"
    MDN_ALREADY_SENT = "receipt was already sent"
    # ours
    UNAVAILABLE = "temporarily unavailable"
    FAILED = "server failure"


class Fault(Exception):
    """A refusal: its kind, a sentence for a person, and facts such as `properties` or `existing_id`."""

    def __init__(self, kind: Kind, detail: str = "", **facts: Any) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail
        self.facts = facts

    def __str__(self) -> str:
        return self.detail or self.kind.value


def invalid(properties: str | list[str], detail: str = "") -> Fault:
    """A refusal of one record because of the named properties (wire names)."""
    names = [properties] if isinstance(properties, str) else properties
    return Fault(Kind.INVALID_PROPERTIES, detail, properties=names)
