"""Work on its way to another thread or another's turn: it keeps the operation it belongs to, and its time is taken."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from time import perf_counter
from typing import Any, Self, TypeVar

from pillarbox.core import slow
from pillarbox.core.faults import Fault, Kind
from pillarbox.core.operation import current
from pillarbox.net import observed

T = TypeVar("T")


def in_pool(asked: float, function: Callable[..., T], *arguments: Any) -> T:
    """Run a function in a thread of the pool for which it was meant at the time `asked`."""
    began = perf_counter()
    observed.POOL_WAIT_SECONDS.observe(began - asked)
    if (operation := current()) is not None:
        operation.spend("queue", asked, began)
    try:
        return function(*arguments)
    finally:
        observed.POOL_SECONDS.observe(perf_counter() - began)
        slow.spend("pool", began)


class WriteBody:
    """A write body that runs as a part of the operation that asked for it, in whoever's turn that is."""

    __slots__ = ("_asked", "_began", "_body", "_context", "_ended")

    def __init__(self, body: Callable[[Any], Any]) -> None:
        self._body, self._context = body, copy_context()
        self._asked = perf_counter()
        self._began = self._ended = 0.0

    def __call__(self, tx: Any) -> Any:
        """Run the body in its transaction."""
        self._began = perf_counter()
        try:
            return self._context.run(self._body, tx)
        finally:
            self._ended = perf_counter()

    def __enter__(self) -> Self:
        """The operation itself waits for the body and its commit inside the block."""
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Fault) and error.kind is Kind.UNAVAILABLE:
            observed.WRITE_LOST.log()
        self._finish()

    def _finish(self) -> None:
        """The commit is done, or nothing comes of it any more."""
        if not self._ended:  # it never came to its turn
            return
        done = perf_counter()
        began, ended = self._began, self._ended
        observed.WRITER_WAIT_SECONDS.observe(began - self._asked)
        observed.WRITE_SECONDS.observe(ended - began)
        slow.look("write", ended - began)
        if (operation := current()) is not None:
            operation.spend("wait", self._asked, began)
            operation.spend("write", began, ended)
            operation.spend("commit", ended, done)


def timed_commit(commit: Callable[[], T], writers: int) -> T:
    """Commit, and note how long that took and for how many."""
    began = perf_counter()
    result = commit()
    seconds = perf_counter() - began
    observed.COMMIT_SECONDS.observe(seconds)
    observed.COMMIT_WRITERS.observe(writers)
    slow.look("commit", seconds, writers=writers)
    return result
