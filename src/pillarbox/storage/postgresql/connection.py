"""One connection to PostgreSQL: parameters and rows as the storage floor has them, and errors by what is to be done."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import BytesBinaryDumper, StrDumperUnknown

from pillarbox.storage.database import (
    BudgetExceeded,
    Collision,
    Conflict,
    Disconnected,
    Interrupted,
    StoreError,
    TextIndex,
    Value,
)
from pillarbox.storage.postgresql.dialect import escape, statement, unescape
from pillarbox.storage.postgresql.tsvector import TsvectorIndex

_TEXTS = TsvectorIndex()
_OLDEST = 130000
_ENDS = ("COMMIT", "ROLLBACK")
# What another session means for us: short statements, no transaction that a vanished node leaves open for ever, and a
# commit that is on stable storage when it returns, whatever the server's own default is.
_SETTINGS = {
    "jit": "off",
    "lock_timeout": "20s",
    "idle_in_transaction_session_timeout": "300s",
    "default_transaction_isolation": "repeatable read",
    "standard_conforming_strings": "on",
}
_DEFAULTS = {
    "client_encoding": "utf8",
    "application_name": "pillarbox",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
_SET_UP = (
    "SELECT current_setting('server_encoding'), set_config('synchronous_commit',"
    " CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END,"
    " false), " + ", ".join(f"set_config('{name}', '{value}', false)" for name, value in _SETTINGS.items())
)


class _TextDumper(StrDumperUnknown):
    def dump(self, obj: Any) -> Any:
        return super().dump(escape(obj))


def connect(url: str) -> psycopg.Connection[Any]:
    """A connection with our settings, outside of any transaction. Raises StoreError with what to do."""
    try:
        given = psycopg.conninfo.conninfo_to_dict(url)
        db: psycopg.Connection[Any] = psycopg.connect(
            **{**_DEFAULTS, **given},  # type: ignore[arg-type]
            autocommit=True,
            cursor_factory=psycopg.RawCursor,
        )
    except psycopg.Error as error:
        raise StoreError(f"cannot connect to PostgreSQL (storage.url): {_said(error)}") from error
    try:
        _check(db)
    except BaseException:
        db.close()
        raise
    db.prepared_max = 400
    for python, dumper in ((int, Int8BinaryDumper), (bool, Int8BinaryDumper), (bytes, BytesBinaryDumper)):
        db.adapters.register_dumper(python, dumper)
    db.adapters.register_dumper(str, _TextDumper)
    return db


def _check(db: psycopg.Connection[Any]) -> None:
    if db.info.server_version < _OLDEST:
        raise StoreError(f"PostgreSQL {_OLDEST // 10000} or newer is needed; this is {db.info.server_version // 10000}")
    try:
        row = db.execute(_SET_UP).fetchone()
    except psycopg.Error as error:
        raise StoreError(f"PostgreSQL does not take our settings: {_said(error)}") from error
    assert row is not None
    if row[0] != "UTF8":
        raise StoreError(
            f"the database {db.info.dbname} has the encoding {row[0]}; make one with"
            f" CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        )


class PostgresConnection:
    """One psycopg connection. After `trouble` it is only good for a rollback, if that: the body has to be run again."""

    def __init__(self, url: str) -> None:
        self._db = connect(url)
        self._cursor = self._db.cursor(binary=True)
        self.trouble: Interrupted | None = None
        self._deadline: float | None = None

    @property
    def texts(self) -> TextIndex:
        return _TEXTS

    @property
    def is_usable(self) -> bool:
        """Whether the next transaction can begin on it."""
        return self._db.info.transaction_status == psycopg.pq.TransactionStatus.IDLE

    def begin(self, sql: str, budget: float | None) -> None:
        """Open a transaction; past its budget, in seconds, its statements raise BudgetExceeded."""
        self._deadline = None if budget is None else time.monotonic() + budget
        if budget is None:
            self.run(sql)
            return
        try:  # as one message: each costs a way to the server and back
            self._db.execute(f"{sql}; SET LOCAL statement_timeout = {int(budget * 1000)}", prepare=False)
        except psycopg.OperationalError as error:
            raise self._broken(error) from error

    def run(self, sql: str, values: Sequence[Value] = ()) -> None:
        self._execute(sql, values)

    def row(self, sql: str, values: Sequence[Value] = ()) -> tuple[Any, ...] | None:
        is_foreign = self._execute(sql, values)
        found: tuple[Any, ...] | None = self._cursor.fetchone()
        return _clear(found) if is_foreign and found is not None else found

    def rows(self, sql: str, values: Sequence[Value] = ()) -> list[tuple[Any, ...]]:
        is_foreign = self._execute(sql, values)
        found: list[tuple[Any, ...]] = self._cursor.fetchall()
        return [_clear(row) for row in found] if is_foreign else found

    def _execute(self, sql: str, values: Sequence[Value]) -> bool:
        if self.trouble is not None and not sql.startswith("ROLLBACK"):
            raise self.trouble
        if self._deadline is not None and time.monotonic() > self._deadline and not sql.startswith(_ENDS):
            self.trouble = BudgetExceeded()
            raise self.trouble
        translated, is_foreign = statement(sql)
        try:
            self._cursor.execute(translated, values)
        except errors.UniqueViolation as error:
            raise Conflict(_said(error)) from error
        except (errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable) as error:
            self.trouble = Collision(_said(error))
            raise self.trouble from error
        except psycopg.OperationalError as error:
            raise self._broken(error) from error
        return is_foreign

    def _broken(self, error: psycopg.OperationalError) -> Exception:
        """What is to be raised when the server could not do something."""
        if self._db.closed:
            self.trouble = Disconnected(_said(error))
        elif self._deadline is not None and isinstance(error, errors.QueryCanceled):
            self.trouble = BudgetExceeded()
        else:
            return StoreError(f"PostgreSQL refused: {_said(error)}")
        return self.trouble

    def script(self, sql: str) -> None:
        """Execute several statements, as they are."""
        self._db.execute(sql)

    def commit(self) -> None:
        """Put the transaction on stable storage. Raises StoreError when the server undid it instead.

        `Disconnected` here means that nobody knows which of both.
        """
        self.run("COMMIT")
        if self._cursor.statusmessage != "COMMIT":
            raise StoreError("the transaction was given up")

    def integrity(self, *, quick: bool) -> list[str]:
        """Nothing: PostgreSQL's own checks are pg_amcheck and data checksums, which an administrator runs."""
        return []

    def close(self) -> None:
        self._db.close()


@contextmanager
def honest(db: PostgresConnection) -> Iterator[None]:
    """Raise the connection's trouble, whatever the body made of it: its answer is not to be believed."""
    try:
        yield
    except Exception as error:
        if db.trouble is not None and error is not db.trouble:
            raise db.trouble from error
        raise
    if db.trouble is not None:
        raise db.trouble


def _clear(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(unescape(value) if type(value) is str else value for value in row)


def _said(error: psycopg.Error) -> str:
    return " ".join(str(error).split())
