"""The API resource: a Request object in, a Response object out (RFC 8620 §3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from pillarbox.core.account import Caller
from pillarbox.core.faults import Fault
from pillarbox.core.limits import Limits
from pillarbox.net.bridge import Bridge
from pillarbox.net.count import Seat
from pillarbox.servers.http.answer import JSON, Answer
from pillarbox.servers.http.authorization import Gate
from pillarbox.servers.http.problem import Problem
from pillarbox.servers.http.request import Request as HttpRequest
from pillarbox.servers.jmap import json_depth, json_member
from pillarbox.servers.jmap.concurrency import Concurrency
from pillarbox.servers.jmap.faults import method_error, set_error
from pillarbox.servers.jmap.problem import limit_problem, not_json, not_request, unknown_capability
from pillarbox.servers.jmap.session import Sessions
from pillarbox.services.methods.method import Method
from pillarbox.services.methods.reference import Answer as MethodAnswer
from pillarbox.services.methods.request import Conversation, Request


class Response(msgspec.Struct, rename="camel", gc=False):
    """A Response object (RFC 8620 §3.4)."""

    method_responses: Sequence[MethodAnswer]
    session_state: str
    created_ids: dict[str, str] | msgspec.UnsetType = msgspec.UNSET


def _encode_fault(value: Any) -> Any:
    """A fault inside a response stands for a record that was refused."""
    if isinstance(value, Fault):
        return set_error(value)
    raise NotImplementedError(f"no JSON for {type(value).__name__}")


_decoder = msgspec.json.Decoder(Request)
_encoder = msgspec.json.Encoder(enc_hook=_encode_fault)


def decode(body: bytes, max_depth: int) -> Request:
    """The Request object. Raises notJSON or notRequest; takes little time and memory whatever is sent."""
    try:
        request = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _not_request(body, error) from None
    except RecursionError:
        raise _too_deep(max_depth) from None
    except (msgspec.DecodeError, ValueError) as error:
        raise not_json(str(error)) from None
    if json_depth.exceeds(body, max_depth):
        raise _too_deep(max_depth)
    _check_members(body, request)
    return request


def _check_members(body: bytes, request: Request) -> None:
    """Refuse two members of one name, of which nobody could say which is meant."""
    created = 0 if request.created_ids is None else 1 + len(request.created_ids)
    written = json_member.written(body)
    if written == 2 + created + json_member.kept(request.method_calls):
        return
    # There is something that the decoder has left out: all of it is decoded once more.
    try:
        kept = json_member.kept(msgspec.json.decode(body))
    except (msgspec.DecodeError, ValueError) as error:
        raise not_json(str(error)) from None
    if written != kept:
        # RFC 8620 §3.6.1: notJSON also stands for what "did not parse as I-JSON".
        raise not_json("an object has two members of one name")


def _not_request(body: bytes, error: Exception) -> Exception:
    """The decoder stops at the first wrong type; whether all of the body is JSON decides which problem it is."""
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except RecursionError:
        return not_json("the request is nested too deeply")
    except (msgspec.DecodeError, ValueError) as problem:
        return not_json(str(problem))
    return not_request(str(error))


def _too_deep(max_depth: int) -> Exception:
    # RFC 8259 §9: "An implementation may set limits on the maximum depth of nesting."
    return not_json(f"the request is nested more than {max_depth} deep")


def response(conversation: Conversation, session_state: str, *, with_created_ids: bool) -> Response:
    """The Response object; a fault that answers a call is told as an error."""
    answers = [(n, method_error(a), i) if type(a) is Fault else (n, a, i) for n, a, i in conversation.answers]
    created = conversation.created_ids if with_created_ids else msgspec.UNSET
    return Response(answers, session_state, created)


def encode(value: Response) -> bytes:
    """A Response object as JSON."""
    return _encoder.encode(value)


class Calls:
    """What both ways to make method calls have in common: HTTP and WebSocket."""

    def __init__(
        self, bridge: Bridge, methods: Mapping[str, Method], sessions: Sessions, limits: Limits, counts: Seat
    ) -> None:
        self._bridge, self._methods, self._sessions, self.limits = bridge, methods, sessions, limits
        self.counts = counts
        self.concurrency = Concurrency("maxConcurrentRequests", limits.max_concurrent_requests, counts)
        self._capabilities = frozenset(sessions.uris)

    def decode(self, body: bytes) -> Request:
        """The Request object, within all limits. Raises the request-level errors of RFC 8620 §3.6.1."""
        limits = self.limits
        # Millions of empty lists take a second to make, in which nobody else is served.
        if json_depth.exceeds_values(body, limits.max_json_values):
            if json_depth.exceeds(body, limits.max_json_depth):
                raise _too_deep(limits.max_json_depth)
            raise limit_problem("maxSizeRequest", f"a request has at most {limits.max_json_values} values")
        given = decode(body, limits.max_json_depth)
        unknown = next((uri for uri in given.using if uri not in self._capabilities), None)
        if unknown is not None:
            raise unknown_capability(unknown)
        if len(given.method_calls) > limits.max_calls_in_request:
            raise limit_problem(
                "maxCallsInRequest", f"a request has at most {limits.max_calls_in_request} method calls"
            )
        return given

    async def run(self, caller: Caller, given: Request) -> tuple[Conversation, str]:
        """Run the calls; the conversation with all answers, and the session's state."""
        conversation = Conversation(self._methods, self.limits, caller, given)
        await self._bridge.drive(conversation.steps())
        if self._sessions.is_stale:
            await self._bridge.read(self._sessions.refresh)
        return conversation, self._sessions.state(caller)


class ApiResource:
    """Answers POST of the API address."""

    def __init__(self, gate: Gate, calls: Calls) -> None:
        self._gate, self._calls = gate, calls

    async def post(self, request: HttpRequest) -> Answer:
        """Run a request's method calls."""
        caller = await self._gate.caller(request)
        # RFC 8620 §3.1: "The request MUST be of type application/json".
        if request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != b"application/json":
            raise not_json("the request's content type is not application/json", status=415)
        concurrency, limits = self._calls.concurrency, self._calls.limits
        concurrency.enter(caller.account)
        request.release = partial(concurrency.leave, caller.account)
        given = self._calls.decode(await request.body(limits.max_size_request, self._too_large))
        conversation, state = await self._calls.run(caller, given)
        # RFC 8620 §3.4: createdIds is "only returned if given in the request".
        body = encode(response(conversation, state, with_created_ids=given.created_ids is not None))
        return Answer(200, JSON, body, compressible=True)

    def _too_large(self) -> Problem:
        return limit_problem("maxSizeRequest", f"a request has at most {self._calls.limits.max_size_request} octets")
