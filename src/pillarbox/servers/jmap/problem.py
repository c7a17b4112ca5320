"""The problems that a JMAP request as a whole can have (RFC 8620 §3.6.1)."""

from __future__ import annotations

from pillarbox.servers.http.answer import Header
from pillarbox.servers.http.problem import Problem

_ERROR = "urn:ietf:params:jmap:error:"


def not_json(detail: str, status: int = 400) -> Problem:
    """The content type is not application/json, or the body is no I-JSON."""
    return Problem(status, detail, type=_ERROR + "notJSON")


def not_request(detail: str) -> Problem:
    """The body is JSON, but no Request object."""
    return Problem(400, detail, type=_ERROR + "notRequest")


def unknown_capability(uri: str) -> Problem:
    """`using` names what this server does not have."""
    return Problem(400, f"this server does not have the capability {uri}", type=_ERROR + "unknownCapability")


def limit_problem(limit: str, detail: str, status: int = 400, headers: tuple[Header, ...] = ()) -> Problem:
    """The request goes past a limit of the session's core capability."""
    return Problem(status, detail, type=_ERROR + "limit", headers=headers, limit=limit)
