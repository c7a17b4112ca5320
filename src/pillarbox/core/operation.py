"""What is under way: a request, a delivery, a round of a worker. It has one id, which every line about it carries.

The current one goes along into tasks by itself, and into threads and write bodies by the bridge.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter
from typing import Any

_now = perf_counter
_MOST = 200  # parts of one operation that are noted: a stream is open for days


@dataclass(frozen=True, slots=True)
class Span:
    """A part of an operation, in seconds of `time.perf_counter`."""

    name: str
    began: float
    ended: float


class Operation:
    """One thing under way: who asked from where, and where its time went. Never what was in it."""

    __slots__ = (
        "account",
        "began",
        "calls",
        "id",
        "login",
        "name",
        "protocol",
        "spans",
        "stages",
        "_address_of",
        "_client",
    )

    def __init__(
        self, protocol: str, id: str, address_of: Callable[[Any], str] | None = None, client: object = None
    ) -> None:
        """`address_of` tells the address of the client when somebody wants to know it."""
        self.protocol, self.id = protocol, id
        self._address_of, self._client = address_of, client
        self.name = self.account = self.login = ""
        self.began = _now()
        self.stages: dict[str, float] = {}  # queue, read, write, commit, pool -> seconds
        self.calls: list[str] | None = None  # names of methods
        self.spans: list[Span] | None = [] if _tracing.is_on else None

    @property
    def address(self) -> str:
        """Where it came from; empty when it came from no network."""
        return self._address_of(self._client) if self._address_of is not None else ""

    def spend(self, stage: str, began: float, ended: float) -> None:
        """Note that time went to a stage."""
        self.stages[stage] = self.stages.get(stage, 0.0) + ended - began
        self.span(stage, began, ended)

    def span(self, name: str, began: float, ended: float) -> None:
        """Note a part for whoever traces, if anybody does."""
        if self.spans is not None and len(self.spans) < _MOST:
            self.spans.append(Span(name, began, ended))

    def call(self, name: str, began: float, ended: float) -> None:
        """Note a method that ran."""
        if self.calls is None:
            self.calls = []
        if len(self.calls) < _MOST:
            self.calls.append(name)
        if self.spans is not None:
            self.span(name, began, ended)


class _Tracing:
    """Who is handed finished operations with their spans; with nobody, none are kept."""

    is_on = False
    export: Callable[[Operation, float, str], None]


_tracing = _Tracing()
_current: ContextVar[Operation | None] = ContextVar("operation", default=None)
current = _current.get
become = _current.set


def trace_to(export: Callable[[Operation, float, str], None] | None) -> None:
    """Keep spans from now on, and hand each finished operation over with its end and its result; None: no more."""
    _tracing.is_on = export is not None
    if export is not None:
        _tracing.export = export


def hand_over(operation: Operation, ended: float, result: str) -> None:
    """Give a finished operation to whoever keeps traces, if anybody does."""
    if operation.spans is not None and _tracing.is_on:
        _tracing.export(operation, ended, result)
