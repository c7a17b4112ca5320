"""LISTEN and NOTIFY: short texts between the nodes of one database. What is lost costs delay, never truth."""

from __future__ import annotations

from typing import Any

import psycopg

from pillarbox.storage.postgresql.connection import connect

MAX_OCTETS = 7_900  # PostgreSQL's own limit is 8,000
_CHANNEL = "SELECT 'pillarbox_' || current_schema()"


class NoticeBoard:
    """A connection that listens. It waits for nothing: whoever has an event loop watches `fileno`."""

    def __init__(self, url: str) -> None:
        """Connect and listen. Raises StoreError."""
        self._db: psycopg.Connection[Any] = connect(url)
        row = self._db.execute(_CHANNEL).fetchone()
        assert row is not None
        self._db.execute(f'LISTEN "{row[0]}"')

    def fileno(self) -> int:
        """The descriptor that is readable when there may be something to take."""
        return self._db.fileno()

    def take(self) -> list[str]:
        """The texts that have come in since the last call. Raises ConnectionError when none can come any more."""
        pgconn, out = self._db.pgconn, []
        try:
            pgconn.consume_input()
        except psycopg.Error as error:
            raise ConnectionError(str(error).strip()) from error
        while (notice := pgconn.notifies()) is not None:
            out.append(notice.extra.decode("utf-8", "replace"))
        if pgconn.status != psycopg.pq.ConnStatus.OK:
            raise ConnectionError("the server closed the connection")
        return out

    def close(self) -> None:
        """Listen no more."""
        self._db.close()


POST = "SELECT pg_notify('pillarbox_' || current_schema(), ?)"
