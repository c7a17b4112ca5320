"""From a fault to an HTTP status and a problem document: this server's one table (RFC 9110 §15)."""

from __future__ import annotations

from pillarbox.core.faults import Fault, Kind
from pillarbox.servers.http.answer import Header
from pillarbox.servers.http.problem import Problem

_BAD_REQUEST, _FORBIDDEN, _NOT_FOUND, _CONFLICT, _FAILED_CONDITION = 400, 403, 404, 409, 412
_TOO_LARGE, _UNPROCESSABLE, _TOO_MANY, _FAILED, _UNAVAILABLE, _FULL = 413, 422, 429, 500, 503, 507

STATUS: dict[Kind, int] = {
    Kind.FORBIDDEN: _FORBIDDEN,
    Kind.ACCOUNT_NOT_FOUND: _NOT_FOUND,
    Kind.ACCOUNT_NOT_SUPPORTED: _NOT_FOUND,
    Kind.ACCOUNT_READ_ONLY: _FORBIDDEN,
    Kind.UNKNOWN_METHOD: _NOT_FOUND,
    Kind.INVALID_ARGUMENTS: _BAD_REQUEST,
    Kind.INVALID_REFERENCE: _BAD_REQUEST,
    Kind.REQUEST_TOO_LARGE: _TOO_LARGE,
    Kind.UNSUPPORTED_FILTER: _BAD_REQUEST,
    Kind.UNSUPPORTED_SORT: _BAD_REQUEST,
    Kind.UNKNOWN_DATA_TYPE: _BAD_REQUEST,
    Kind.STATE_MISMATCH: _FAILED_CONDITION,
    Kind.CANNOT_CALCULATE_CHANGES: _CONFLICT,
    Kind.TOO_MANY_CHANGES: _CONFLICT,
    Kind.ANCHOR_NOT_FOUND: _NOT_FOUND,
    Kind.FROM_ACCOUNT_NOT_FOUND: _NOT_FOUND,
    Kind.FROM_ACCOUNT_NOT_SUPPORTED: _NOT_FOUND,
    Kind.NOT_FOUND: _NOT_FOUND,
    Kind.INVALID_PROPERTIES: _UNPROCESSABLE,
    Kind.INVALID_PATCH: _UNPROCESSABLE,
    Kind.WILL_DESTROY: _CONFLICT,
    Kind.SINGLETON: _CONFLICT,
    Kind.ALREADY_EXISTS: _CONFLICT,
    Kind.OVER_QUOTA: _FULL,
    Kind.TOO_LARGE: _TOO_LARGE,
    Kind.RATE_LIMIT: _TOO_MANY,
    Kind.HAS_CHILD: _CONFLICT,
    Kind.HAS_CONTENT: _CONFLICT,
    Kind.BLOB_NOT_FOUND: _NOT_FOUND,
    Kind.TOO_MANY_KEYWORDS: _UNPROCESSABLE,
    Kind.TOO_MANY_CONTAINERS: _UNPROCESSABLE,
    Kind.INVALID_MESSAGE: _UNPROCESSABLE,
    Kind.NO_RECIPIENTS: _UNPROCESSABLE,
    Kind.TOO_MANY_RECIPIENTS: _UNPROCESSABLE,
    Kind.INVALID_RECIPIENTS: _UNPROCESSABLE,
    Kind.FORBIDDEN_FROM: _FORBIDDEN,
    Kind.FORBIDDEN_MAIL_FROM: _FORBIDDEN,
    Kind.FORBIDDEN_TO_SEND: _FORBIDDEN,
    Kind.CANNOT_UNSEND: _CONFLICT,
    Kind.MDN_ALREADY_SENT: _CONFLICT,
    Kind.UNAVAILABLE: _UNAVAILABLE,
    Kind.FAILED: _FAILED,
}


def problem_of(fault: Fault) -> Problem:
    """The problem document for a fault; `retry_after` (seconds) becomes the header (RFC 9110 §10.2.3)."""
    headers: tuple[Header, ...] = ()
    seconds = fault.facts.get("retry_after")
    if seconds is None and fault.kind in {Kind.RATE_LIMIT, Kind.UNAVAILABLE}:
        seconds = 5
    if seconds is not None:
        headers = ((b"retry-after", str(max(1, int(seconds))).encode()),)
    return Problem(STATUS[fault.kind], str(fault), headers=headers)
