"""The two-engine protocol: what the rest of the storage floor may ask of a database, be it SQLite or PostgreSQL.

SQL is written once with `?` for parameters, in the common subset of both; an engine translates the placeholders if it
must.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

Value = str | bytes | int | float | None
Row = tuple[Value, ...]
Sql = tuple[str, list[Value]]


class Interrupted(Exception):
    """The body cannot go on: whoever runs it runs it again from its beginning. Nobody else may swallow this."""


class BudgetExceeded(Interrupted):
    """A read ran past its time; it has to be run again where it may take longer."""


class Collision(Interrupted):
    """Another transaction came first."""


class Disconnected(Interrupted):
    """The connection broke."""


class Undone(Interrupted):
    """The disk did not take or give something: nothing of the transaction remains, and it cannot go on."""


class Connection(Protocol):
    """One connection with its transaction.

    Methods raise the engine's own errors; a unique key's violation is `Conflict`.
    """

    @property
    def texts(self) -> TextIndex:
        """The text index of this engine."""

    def run(self, sql: str, values: Sequence[Value] = ()) -> None:
        """Execute a statement."""

    def row(self, sql: str, values: Sequence[Value] = ()) -> tuple[object, ...] | None:
        """The first row, or None."""

    def rows(self, sql: str, values: Sequence[Value] = ()) -> list[tuple[object, ...]]:
        """All rows."""

    def integrity(self, *, quick: bool) -> list[str]:
        """What the engine itself finds wrong, at most 100 lines; `quick` leaves out what takes long."""

    def close(self) -> None: ...


class TextIndex(Protocol):
    """An engine's index of the words of emails, by the document numbers of `email_index`."""

    def add(self, db: Connection, account: str, doc: int, text: Mapping[str, str]) -> None:
        """Add a document: text by column, and the names of its header fields as `marks`."""

    def remove(self, db: Connection, account: str, doc: int) -> None:
        """Remove a document; nothing happens when it is not there."""

    def remove_all(self, db: Connection, account: str, docs: str, values: Sequence[Value]) -> None:
        """Remove the documents of an account that a SELECT gives."""

    def search(self, account: str, columns: Sequence[str], text: str) -> Sql | None:
        """A SELECT for `doc` of what matches a text in some columns (all that a person reads, if none is named).

        None for a text without a word.
        """

    def marked(self, account: str, header_name: str) -> Sql:
        """A SELECT for `doc` of what has a header field."""

    def missing(self, db: Connection, account: str, limit: int) -> list[str]:
        """The emails that the index does not have, or has under another account."""

    def stray(self, db: Connection, limit: int) -> list[int]:
        """Documents that belong to no email."""


class Conflict(Exception):
    """A unique key is taken."""


class StoreError(Exception):
    """The store cannot be opened or used; the message says what to do."""


class SyncError(StoreError):
    """What was committed may not be on stable storage, although readers have seen it."""
