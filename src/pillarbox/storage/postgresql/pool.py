"""Connections that are opened when they are needed, used by one thread at a time, and kept for the next."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

from pillarbox.storage.database import Interrupted, StoreError
from pillarbox.storage.postgresql.connection import PostgresConnection


class Pool:
    """As many connections as threads ask for at one time: the threads are the limit.

    A process that was forked off leaves its parent's connections alone and opens its own.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: list[PostgresConnection] = []
        self._process = os.getpid()

    def take(self) -> PostgresConnection:
        """A connection outside of a transaction. Raises StoreError when the server cannot be reached."""
        if self._process != os.getpid():
            self._idle, self._process = [], os.getpid()  # psycopg does not close what another process opened
        try:
            return self._idle.pop()
        except IndexError:  # another thread may take the last one at any moment
            return PostgresConnection(self._url)

    def give_back(self, db: PostgresConnection) -> None:
        """Keep a connection for the next who asks, or close it when it cannot be used."""
        if db.is_usable and self._process == os.getpid():
            db.trouble = None
            self._idle.append(db)
        else:
            db.close()

    @contextmanager
    def transaction(self, begin: str, budget: float | None = None) -> Iterator[PostgresConnection]:
        """A connection in a transaction, which is undone unless it was committed inside.

        Past its budget, in seconds, its statements raise BudgetExceeded.
        """
        db = self.take()
        try:
            db.begin(begin, budget)
            yield db
        finally:
            if not db.is_usable:
                with contextlib.suppress(Interrupted, StoreError):
                    db.run("ROLLBACK")
            self.give_back(db)

    def clear(self) -> None:
        """Close all that are idle: before a fork, or when the server has gone away."""
        idle, self._idle = self._idle, []
        if self._process == os.getpid():
            for db in idle:
                db.close()
