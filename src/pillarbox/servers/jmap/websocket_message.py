"""What is said over a WebSocket, as JSON objects with their @type (RFC 8887 §4.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pillarbox.servers.http.problem import Problem
from pillarbox.servers.jmap.api import Response, encode
from pillarbox.servers.jmap.problem import not_json, not_request
from pillarbox.services.methods.request import Request

_MAX_ID = 255  # characters of a request's id that are given back


class _Envelope(msgspec.Struct):
    """What tells one object from another; the rest is read when it is known what it is."""

    type: str = msgspec.field(name="@type")
    id: str | None = None


class Asked(msgspec.Struct, frozen=True):
    """A Request object (RFC 8887 §4.3.2)."""

    id: str | None
    request: Request


class PushEnable(msgspec.Struct, frozen=True, rename="camel"):
    """A WebSocketPushEnable object (RFC 8887 §4.3.5.2)."""

    data_types: list[str] | None = None
    push_state: str | None = None


class PushDisable(msgspec.Struct, frozen=True):
    """A WebSocketPushDisable object (RFC 8887 §4.3.5.3)."""


Message = Asked | PushEnable | PushDisable


class Refused(Exception):
    """The message is answered by a RequestError."""

    def __init__(self, problem: Problem, id: str | None) -> None:
        super().__init__(problem, id)
        self.problem, self.id = problem, id


_envelope = msgspec.json.Decoder(_Envelope)
_enable = msgspec.json.Decoder(PushEnable)


def read_message(data: bytes, decode: Callable[[bytes], Request]) -> Message:
    """What a client says; `decode` reads a Request object and raises a Problem. Raises Refused."""
    envelope = _read_envelope(data)
    try:
        if envelope.type == "Request":
            return Asked(envelope.id, decode(data))
        if envelope.type == "WebSocketPushEnable":
            return _enable.decode(data)
        if envelope.type == "WebSocketPushDisable":
            return PushDisable()
    except Problem as problem:
        raise Refused(problem, envelope.id) from None
    except msgspec.ValidationError as error:
        raise Refused(not_request(str(error)), envelope.id) from None
    raise Refused(not_request("@type is Request, WebSocketPushEnable or WebSocketPushDisable"), envelope.id)


def _read_envelope(data: bytes) -> _Envelope:
    try:
        envelope = _envelope.decode(data)
    except msgspec.ValidationError as error:
        raise Refused(not_request(str(error)) if _is_json(data) else not_json("this is not JSON"), None) from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Refused(not_json(str(error)), None) from None
    if envelope.id is not None and len(envelope.id) > _MAX_ID:
        raise Refused(not_request(f"an id has at most {_MAX_ID} characters"), None)
    return envelope


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return False
    return True


class _WebSocketResponse(Response, rename="camel", kw_only=True, tag_field="@type", tag="Response", gc=False):
    """A Response object (RFC 8887 §4.3.3)."""

    request_id: str | msgspec.UnsetType = msgspec.UNSET


def response_message(id: str | None, response: Response) -> bytes:
    """The answer to a request."""
    # RFC 8887 §4.3.3: requestId "MUST be returned if an identifier is included in the request".
    said = _WebSocketResponse(
        method_responses=response.method_responses,
        session_state=response.session_state,
        created_ids=response.created_ids,
        request_id=id if id is not None else msgspec.UNSET,
    )
    return encode(said)


def error_message(problem: Problem, id: str | None) -> bytes:
    """A RequestError object: the problem document of the same error over HTTP (RFC 8887 §4.3.4)."""
    document: dict[str, Any] = {"@type": "RequestError", "requestId": id, **problem.document()}
    return msgspec.json.encode(document)
