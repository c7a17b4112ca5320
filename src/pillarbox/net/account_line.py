"""Writes of one account wait in a line of their own: they share a transaction rather than collide in several."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from pillarbox.core.faults import Fault
from pillarbox.storage.store import Changed
from pillarbox.storage.transaction import Transaction

Body = Callable[[Transaction], Any]
Waiting = tuple[Body, asyncio.Future[Any]]
Ended = asyncio.Future[tuple[list[Any], Changed]]


class AccountLine:
    """The bodies that wait for one account, and those that are run. Only `take` is for another thread."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._taken: list[Waiting] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, body: Body) -> asyncio.Future[Any]:
        """Put a body at the end; what it will come to."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((body, future))
        return future

    def take(self) -> Body | None:
        """The next body, for the thread that runs them."""
        try:
            one = self._waiting.popleft()
        except IndexError:
            return None
        self._taken.append(one)
        return one[0]

    def settle(self, ended: Ended) -> None:
        """Tell those whose bodies were run what came of them; the others wait on, in front of the line."""
        taken, self._taken = self._taken, []
        if (error := ended.exception()) is not None:
            for _, future in taken:
                _fail(future, error)
            return
        outcomes = ended.result()[0]
        for (_, future), outcome in zip(taken, outcomes, strict=False):
            if isinstance(outcome, Exception):
                _fail(future, outcome)
            elif not future.done():
                future.set_result(outcome)
        self._waiting.extendleft(reversed(taken[len(outcomes) :]))


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        # Each who waits gets one of their own: an exception remembers on which way it was raised.
        future.set_exception(Fault(error.kind, error.detail, **error.facts) if isinstance(error, Fault) else error)
