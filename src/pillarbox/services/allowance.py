"""How much somebody may still do within a span of time: counted in memory that all processes of a server share.

A span begins with the first that is counted, and all that was counted is forgotten when it is over.
"""

from __future__ import annotations

from pillarbox.core.clock import Clock
from pillarbox.services.failure_table import Entry, FailureTable

HOUR_MS, DAY_MS = 3_600_000, 86_400_000


class Allowances:
    """Counts by key. Safe to use from several threads, and processes when the table is shared."""

    def __init__(self, clock: Clock, table: FailureTable | None = None) -> None:
        self._clock, self._table = clock, table or FailureTable()

    def used(self, key: str) -> int:
        """How much was counted in the span that runs now."""
        with self._table as table:
            return self._current(table, key)

    def note(self, key: str, amount: int, span_ms: int) -> int:
        """Count so much more; how much it is now."""
        now = self._clock.now_ms()
        with self._table as table:
            used = self._current(table, key) + amount
            until = table.get(key).until if used > amount else now + span_ms
            table.put(key, Entry(used, now, until))
        return used

    def _current(self, table: FailureTable, key: str) -> int:
        entry = table.get(key)
        return entry.times if entry.until > self._clock.now_ms() else 0
