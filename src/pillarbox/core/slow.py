"""What took too long is told with where its time went: an operation, a method, a read, a write body, a commit."""

from __future__ import annotations

import logging
import math
from time import perf_counter

from pillarbox.core.event import Event
from pillarbox.core.operation import Operation, current, hand_over

SLOW = Event(
    "operation.slow",
    logging.WARNING,
    "something took longer than log.slow_ms",
    "kind", "name", "ms", "calls", "writers", "stages",
)  # fmt: skip


class _Threshold:
    seconds = math.inf


threshold = _Threshold()


def tell_from(milliseconds: int) -> None:
    """Tell of what takes so long or longer; 0: of nothing."""
    threshold.seconds = milliseconds / 1000 if milliseconds else math.inf


def look(kind: str, seconds: float, name: str = "", writers: int | None = None) -> None:
    """Tell of a part of an operation if it was slow."""
    if seconds >= threshold.seconds:
        SLOW.log(kind=kind, name=name, ms=_ms(seconds), writers=writers)


def finish(operation: Operation, result: str) -> float:
    """An operation is over; how many seconds it took."""
    ended = perf_counter()
    seconds = ended - operation.began
    if seconds >= threshold.seconds:
        stages = {stage: _ms(spent) for stage, spent in operation.stages.items()}
        SLOW.log(kind=operation.protocol, name=operation.name, ms=_ms(seconds), calls=operation.calls, stages=stages)
    if operation.spans is not None:
        hand_over(operation, ended, result)
    return seconds


def spend(stage: str, began: float) -> None:
    """Note that the current operation spent its time since `began` on a stage; tell if that was slow."""
    seconds = (ended := perf_counter()) - began
    if seconds >= threshold.seconds:
        look(stage, seconds)
    if (operation := current()) is not None:
        stages = operation.stages
        stages[stage] = stages.get(stage, 0.0) + seconds
        if operation.spans is not None:
            operation.span(stage, began, ended)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
