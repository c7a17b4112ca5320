"""The two-engine protocol: what the rest of the storage floor may ask of a database, be it SQLite or PostgreSQL.

SQL is written once with `?` for parameters, in the common subset of both; an engine translates the placeholders if it
must.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

Value = str | bytes | int | float | None
Row = tuple[Value, ...]


class BudgetExceeded(Exception):
    """A read ran past its time; it has to be run again where it may take longer."""


class Connection(Protocol):
    """One connection with its transaction.

    Methods raise the engine's own errors; a unique key's violation is `Conflict`.
    """

    def run(self, sql: str, values: Sequence[Value] = ()) -> None:
        """Execute a statement."""

    def row(self, sql: str, values: Sequence[Value] = ()) -> tuple[object, ...] | None:
        """The first row, or None."""

    def rows(self, sql: str, values: Sequence[Value] = ()) -> list[tuple[object, ...]]:
        """All rows."""

    def close(self) -> None: ...


class Conflict(Exception):
    """A unique key is taken."""


class StoreError(Exception):
    """The store cannot be opened or used; the message says what to do."""
