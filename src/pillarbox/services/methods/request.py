"""A request as steps: calls in order, reads together in one snapshot, each write in a transaction (RFC 8620 §3.3).

The generator yields what has to be run on the store; whoever drives it decides where and when. Nothing here waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, TypeVar

import msgspec

from pillarbox.core import slow
from pillarbox.core.account import DIRECTORY, Caller
from pillarbox.core.faults import Fault, Kind
from pillarbox.core.limits import Limits
from pillarbox.core.operation import current
from pillarbox.core.room import Room
from pillarbox.datatypes.declare import MethodCall
from pillarbox.datatypes.view import Transaction, View
from pillarbox.services.methods import observed
from pillarbox.services.methods.method import Method, check_arguments
from pillarbox.services.methods.reference import Allowance, Answer, resolve_references
from pillarbox.storage.database import Interrupted
from pillarbox.storage.step import Read, Steps, Write

T = TypeVar("T")
CORE = "urn:ietf:params:jmap:core"


class Request(msgspec.Struct, rename="camel"):
    """A Request object (RFC 8620 §3.3)."""

    using: list[str]
    method_calls: list[tuple[str, dict[str, Any], str]]
    created_ids: dict[str, str] | None = None


class Conversation:
    """The state of one request: what was answered so far, and which ids were created."""

    def __init__(self, methods: Mapping[str, Method], limits: Limits, caller: Caller, request: Request) -> None:
        self._methods, self._limits, self._caller = methods, limits, caller
        self._using = frozenset(request.using)
        self._todo: list[tuple[str, dict[str, Any], str, bool]] = [(n, a, i, False) for n, a, i in request.method_calls]
        self.created_ids = dict(request.created_ids or {})
        self.answers: list[Answer] = []
        self._allowance = Allowance(limits.max_reference_results, limits.max_reference_octets)
        self._room = Room(limits.max_size_answer)

    def steps(self) -> Steps:
        """Run all calls. When it ends, `answers` is whole."""
        while self._todo:
            method = self._methods.get(self._todo[0][0])
            if method is None or method.write is None:
                yield Read(self._read_on)
                continue
            name, given, id, implicit = self._todo.pop(0)
            try:
                call = self._call(method, given, implicit=implicit)
                slow = method.slow(call)
                if method.prepare is not None and method.prepares(call):
                    call.prepared = yield Read(lambda view, m=method, c=call: m.prepare(view, c), slow)  # type: ignore[misc]
                result = yield Write(self._body(method, call), method.slow(call), call.account)
            except Fault as fault:
                self._refuse(name, fault, id)
                continue
            except Exception as error:  # noqa: BLE001 -- whatever it is, the others must not suffer
                self._fail(name, id, error)
                continue
            self.created_ids.update(call.created_ids)
            self._room.taken += _octets(result)  # what is done is told, whatever room there is
            self._answer(method, call, result, id)

    def _read_on(self, view: View) -> None:
        """Answer calls until the next one that writes.

        What was answered stays so if this is interrupted and run again.
        """
        while self._todo:
            name, given, id, implicit = self._todo[0]
            octets = self._allowance.octets
            method = self._methods.get(name)
            if method is not None and method.write is not None:
                return
            try:
                if method is None or method.read is None:
                    raise Fault(Kind.UNKNOWN_METHOD, f"there is no method {name}")
                call = self._call(method, given, implicit=implicit)
                result = _timed(method.read, view, call)
                octets = call.room.taken or _octets(result)
                self._room.need(octets)
            except Interrupted:
                self._allowance.octets = octets  # it will be asked again
                raise
            except Fault as fault:
                self._todo.pop(0)
                self._refuse(name, fault, id)
            except Exception as error:  # noqa: BLE001 -- whatever it is, the others must not suffer
                self._todo.pop(0)
                self._fail(name, id, error)
            else:
                self._todo.pop(0)
                self._room.taken += octets
                self._answer(method, call, result, id)

    def _body(self, method: Method, call: MethodCall) -> Callable[[Transaction], dict[str, Any]]:
        """A writing call as a body that can be run again: what the call has learnt since now is forgotten then."""
        write, octets_read = method.write, call.octets_read
        assert write is not None

        def body(tx: Transaction) -> dict[str, Any]:
            call.created_ids, call.octets_read = dict(self.created_ids), octets_read
            return _timed(write, tx, call)

        return body

    def _call(self, method: Method, given: Mapping[str, Any], *, implicit: bool) -> MethodCall:
        # RFC 8620 §3.3: a method of a capability that the client did not name in `using` does not exist for it.
        if not implicit and method.capability not in self._using:
            raise Fault(Kind.UNKNOWN_METHOD, f"{method.name} needs {method.capability} in using")
        if method.capability != CORE and not self._caller.allows(method.capability):
            raise Fault(Kind.FORBIDDEN, "this app password does not allow that")
        resolved = resolve_references(given, self.answers, self._allowance)
        arguments = check_arguments(method, resolved) if method.checks_arguments else dict(resolved)
        return MethodCall(
            self._caller,
            self._access(method, arguments),
            method.name,
            arguments,
            dict(self.created_ids),
            using=self._using,
            room=Room(max(0, self._room.most - self._room.taken)),
        )

    def _access(self, method: Method, arguments: Mapping[str, Any]) -> Any:
        if not method.has_account:
            return self._caller.accounts[self._caller.account]
        access = self._caller.access(arguments["accountId"])
        if access is None:
            raise Fault(Kind.ACCOUNT_NOT_FOUND, "there is no such account")
        if (access.account == DIRECTORY) != method.directory and method.capability != CORE:
            raise Fault(Kind.ACCOUNT_NOT_SUPPORTED, f"this account has no {method.name.partition('/')[0]}")
        if method.changes_data and access.is_read_only:
            raise Fault(Kind.ACCOUNT_READ_ONLY)
        return access

    def _answer(self, method: Method, call: MethodCall, result: dict[str, Any], id: str) -> None:
        self.answers.append((method.name, result, id))
        if method.follow is not None:
            # RFC 8620 §5.4: the implicit call is answered right after the one that asked for it, with the same call id.
            more = [(name, arguments, id, True) for name, arguments in method.follow(call, result)]
            self._todo[0:0] = more

    def _refuse(self, name: str, fault: Fault, id: str) -> None:
        observed.ERRORS.count(observed.KIND[fault.kind])
        fault.__traceback__ = fault.__context__ = None  # they hold all that was made for an answer that was too large
        self.answers.append(("error", fault, id))

    def _fail(self, name: str, id: str, error: Exception) -> None:
        observed.METHOD_FAILED.log(error, method=name)
        self._refuse(name, Fault(Kind.FAILED, "the server failed; its log says more"), id)


def _octets(result: dict[str, Any]) -> int:
    """How large an answer is, about; a fault in it stands for a record that was refused."""
    return len(msgspec.json.encode(result, enc_hook=str))


def _timed(run: Callable[[Any, MethodCall], T], view: Any, call: MethodCall) -> T:
    """Run a method's own part, and note how long it took."""
    began = perf_counter()
    try:
        return run(view, call)
    except Interrupted:
        began = 0.0  # it will run again, and be told of then
        raise
    finally:
        if began:
            seconds = (ended := perf_counter()) - began
            observed.METHOD_SECONDS.observe(seconds, call.name)
            if (operation := current()) is not None:
                operation.call(call.name, began, ended)
            if seconds >= slow.threshold.seconds:
                slow.look("method", seconds, call.name)
