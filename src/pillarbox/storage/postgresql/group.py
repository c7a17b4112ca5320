"""Write bodies that share a transaction, in the order in which they came: in several they would undo each other."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from pillarbox.storage.database import Interrupted, StoreError
from pillarbox.storage.postgresql.connection import PostgresConnection, honest
from pillarbox.storage.transaction import Transaction

_SECONDS = 0.03  # after which no further body is begun: other nodes wait for the account
_MOST = 32  # bodies that are run again when one of them collides
Body = Callable[[Transaction], Any]


class Group:
    """Bodies that are taken one by one, and run again all together when they have to be."""

    def __init__(self, take: Callable[[], Body | None]) -> None:
        """`take` gives the next body; None when there is none just now."""
        self._take = take
        self._taken: list[Body] = []
        self.touched: set[str] = set()  # accounts whose rows may have been waited for
        self.outcomes: list[Any] = []  # of the bodies, in order; an exception for one of which nothing remains
        self.kept: list[Transaction] = []  # what there is to commit

    def run(self, db: PostgresConnection, begin: Callable[[], Transaction]) -> None:
        """Run bodies in an open transaction. Raises what undoes them all: they have to be run again, or to fail."""
        self.outcomes, self.kept = [], []
        until = time.monotonic() + _SECONDS
        while (body := self._next(until)) is not None:
            tx, is_alone = begin(), len(self._taken) == 1
            try:
                with honest(db):
                    result = _run(tx, body, with_savepoint=not is_alone)
            except (Interrupted, StoreError):
                raise
            except Exception as error:  # noqa: BLE001 -- whatever it is, the others must not suffer
                self.outcomes.append(error)
                if is_alone:  # without a savepoint: all is undone, and nothing can follow
                    return
            else:
                self.outcomes.append(result)
                self.kept.append(tx)
            finally:
                self.touched |= tx.touched

    def _next(self, until: float) -> Body | None:
        at = len(self.outcomes)
        if at < len(self._taken):
            return self._taken[at]
        if at and (at >= _MOST or time.monotonic() > until):
            return None
        if (body := self._take()) is not None:
            self._taken.append(body)
        return body


def _run(tx: Transaction, body: Body, *, with_savepoint: bool) -> Any:
    if not with_savepoint:  # the usual case, in which nobody waits
        return body(tx)
    with tx.savepoint():
        return body(tx)
