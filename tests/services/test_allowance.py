"""Allowances: what was counted, and when it is forgotten."""

from pillarbox.services.allowance import HOUR_MS, Allowances
from pillarbox.services.failure_table import FailureTable


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000

    def now_ms(self) -> int:
        return self.now


def test_what_is_counted_is_forgotten_when_the_span_is_over() -> None:
    clock = Clock()
    allowances = Allowances(clock)
    assert allowances.used("a") == 0
    assert allowances.note("a", 3, HOUR_MS) == 3
    clock.now += HOUR_MS - 1
    assert allowances.note("a", 2, HOUR_MS) == 5
    assert allowances.used("a") == 5
    assert allowances.used("b") == 0
    clock.now += 1
    assert allowances.used("a") == 0
    assert allowances.note("a", 1, HOUR_MS) == 1


def test_processes_that_share_the_table_share_the_counts() -> None:
    clock, table = Clock(), FailureTable()
    one, other = Allowances(clock, table), Allowances(clock, table)
    one.note("a", 1, HOUR_MS)
    assert other.note("a", 1, HOUR_MS) == 2
