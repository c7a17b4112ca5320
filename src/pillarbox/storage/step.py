"""Work for the store as values: what a request yields, and whoever drives it runs where and when it sees fit."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from pillarbox.datatypes.view import Transaction, View


@dataclass(slots=True)
class Read:
    """Run this on a snapshot. It may be run again when it ran past its time."""

    body: Callable[[View], Any]
    slow: bool = False


@dataclass(slots=True)
class Write:
    """Run this in a transaction, and come back when it is on stable storage."""

    body: Callable[[Transaction], Any]
    slow: bool = False
    account: str | None = None  # that it changes, as far as is known


Steps = Generator[Read | Write, Any, None]


def drive(
    steps: Steps, read: Callable[[Callable[[View], Any]], Any], write: Callable[[Callable[[Transaction], Any]], Any]
) -> None:
    """Run the steps here and now, for callers that may wait: commands and tests."""
    send: Any = None
    error: BaseException | None = None
    while True:
        try:
            step = steps.throw(error) if error is not None else steps.send(send)
        except StopIteration:
            return
        send, error = None, None
        try:
            send = read(step.body) if isinstance(step, Read) else write(step.body)
        except Exception as problem:  # noqa: BLE001 -- it belongs to the step, which may know what to do
            error = problem
