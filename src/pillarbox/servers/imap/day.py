"""Days of a search program compared with times of messages, in UTC (RFC 9051 §6.4.4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

from pillarbox.datatypes import condition as c

DAY_MS = 86_400_000


def start_of(day: date) -> int:
    """When a day begins, in ms."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def dated(column: str, relation: str, day: date) -> c.Condition:
    """That a time is before (`<`), on (`=`), or on or after (`>=`) a day."""
    start = start_of(day)
    since, before = c.Compare(column, ">=", start), c.Compare(column, "<", start)
    if relation == "<":
        return before
    return since if relation == ">=" else c.Every((since, c.Compare(column, "<", start + DAY_MS)))


def are_so(days: Iterable[int], relation: str, day: date) -> list[bool]:
    """Which of some days, as ordinal numbers, are so; 0 is none."""
    wanted = day.toordinal()
    if relation == "<":
        return [0 < one < wanted for one in days]
    return [one == wanted for one in days] if relation == "=" else [one >= wanted for one in days]
