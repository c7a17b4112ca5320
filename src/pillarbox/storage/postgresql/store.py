"""The store on PostgreSQL: any number of nodes on one database, and the one place where transactions are run again.

Isolation is REPEATABLE READ, and the account's row is what two writers of an account meet at: whoever comes second is
told so by the engine and begins anew (docs/decisions).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pillarbox.core.clock import Clock
from pillarbox.core.faults import Fault, Kind
from pillarbox.core.limits import Limits
from pillarbox.storage import text_index
from pillarbox.storage.blob import BlobStore
from pillarbox.storage.database import BudgetExceeded, Disconnected, Interrupted, StoreError
from pillarbox.storage.memory import Memory, Recollection
from pillarbox.storage.postgresql import observed
from pillarbox.storage.postgresql.connection import PostgresConnection, honest
from pillarbox.storage.postgresql.database_blobs import DatabaseBlobs
from pillarbox.storage.postgresql.group import Body, Group
from pillarbox.storage.postgresql.migration import migrate
from pillarbox.storage.postgresql.notice import POST, NoticeBoard
from pillarbox.storage.postgresql.pool import Pool
from pillarbox.storage.postgresql.turn import Turns
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.store import Changed, Store, merged
from pillarbox.storage.transaction import Transaction
from pillarbox.storage.working_set import WorkingSet

T = TypeVar("T")
_ATTEMPTS = 200
_SECONDS = 30.0
# Who has lost an account to another waited for that one's commit, so the row is free now: long pauses only let others
# come first. They grow for those who lose again and again.
_PAUSE, _GROWTH, _LONGEST_PAUSE = 0.0005, 1.5, 0.05
_FILL = "SELECT pg_try_advisory_lock(hashtext('pillarbox'), hashtext('fill ' || current_schema()))"
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITE = "BEGIN ISOLATION LEVEL REPEATABLE READ"


class PostgresStore(Store):
    """A database on a PostgreSQL server; `folder` holds only what is this node's own."""

    def __init__(
        self,
        url: str,
        folder: Path,
        *,
        limits: Limits | None = None,
        clock: Clock | None = None,
        blobs: BlobStore | None = None,
    ) -> None:
        """Make or migrate the schema as needed. Raises StoreError with what to do when it cannot.

        `blobs` says where large blobs are, a place that all nodes share: in the database unless told otherwise.
        """
        self.pool = Pool(url)
        self._url = url
        super().__init__(folder, DatabaseBlobs(self.pool) if blobs is None else blobs, limits, clock)
        self.cache.has_short = True
        self._turns, self._memory = Turns(), Memory(self.shelves)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot make the data directory {folder}: {error}") from error
        db = self.pool.take()
        try:
            migrate(db)
        finally:
            db.close()

    @contextmanager
    def snapshot(self, budget: float | None = None) -> Iterator[Snapshot]:
        with self.pool.transaction(_READ, budget) as db:
            with honest(db):
                view = Snapshot(db, self.blobs, self.limits, self.clock, self.cache)
                view.hurried = budget is not None
                view.recollection = Recollection(db, self._memory)
                yield view
            db.run("COMMIT")

    def read(self, body: Callable[[Snapshot], T], budget: float | None = None) -> T:
        """Run a reading body. Raises BudgetExceeded when it has a budget, in seconds, and needs more."""

        def work() -> T:
            with self.snapshot(budget) as view:
                return body(view)

        return self._persist(work, ())

    def write(self, body: Callable[[Transaction], T]) -> T:
        result, changed = self.transact(body)
        self.announce(changed)
        return result

    def transact(self, body: Callable[[Transaction], T]) -> tuple[T, Changed]:
        """`write`, but that telling what changed is left to the caller. Raises unavailable when it does not succeed."""
        once = iter((body,))
        (outcome,), changed = self.transact_all(lambda: next(once, None))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome, changed

    def transact_all(self, take: Callable[[], Body | None]) -> tuple[list[Any], Changed]:
        """Run bodies in one transaction for as long as `take` gives some, and it is short; each as if it were alone.

        Returns what each came to, in order, an exception for one of which nothing remains; not all that were taken need
        be among them, and those that are not have not been run. Raises unavailable when nothing of all remains.
        """
        group = Group(take)
        return self._persist(lambda: self._attempt(group), group.touched)

    def _attempt(self, group: Group) -> tuple[list[Any], Changed]:
        with self.pool.transaction(_WRITE) as db:
            known = WorkingSet()
            group.run(db, lambda: Transaction(db, self.blobs, self.limits, self.clock, self.ids, known))
            if not group.kept:
                return group.outcomes, {}
            with honest(db):
                known.finish(db)
                text_index.follow(db, [text for tx in group.kept for text in tx.texts])
            try:
                db.commit()
            except Disconnected as error:
                observed.COMMIT_UNKNOWN.log(error)
                raise Fault(Kind.UNAVAILABLE, "the connection to the store broke; it may have been written") from error
            known.publish()
            return group.outcomes, merged(tx.changed for tx in group.kept)

    def _persist(self, work: Callable[[], T], accounts: Collection[str]) -> T:
        """Do the work again when transactions got into each other's way or the connection broke before the commit."""
        deadline, attempt = time.monotonic() + _SECONDS, 0
        while True:
            attempt += 1
            try:
                # Those who failed go one by one, so that one account's writers do not undo each other again and again.
                with self._turns.of(accounts if attempt > 1 else ()):
                    return work()
            except BudgetExceeded:
                raise
            except Interrupted as trouble:
                is_broken = isinstance(trouble, Disconnected)
                observed.REPEATED.count("connection" if is_broken else "collision")
                if is_broken:
                    self._begin_anew()
                if attempt >= _ATTEMPTS or time.monotonic() > deadline:
                    observed.GIVEN_UP.log(trouble, attempts=attempt)
                    raise Fault(Kind.UNAVAILABLE, "the store is too busy; nothing was changed") from trouble
            except StoreError as error:
                observed.UNUSABLE.log(error)
                raise Fault(Kind.UNAVAILABLE, "the store cannot be used; nothing was changed") from error
            time.sleep(random.random() * min(_LONGEST_PAUSE, _PAUSE * _GROWTH**attempt))  # noqa: S311 -- not for secrets

    def _begin_anew(self) -> None:
        """A connection broke: another server may answer from now on, which has lost commits and gives numbers again."""
        self.pool.clear()
        self._memory.clear()
        self.cache.clear()

    @contextmanager
    def filling(self) -> Iterator[Callable[[], None]]:
        db = self.pool.take()  # a session of its own, which holds the lock: whose process dies leaves none behind
        try:
            if db.row(_FILL) != (True,):
                raise StoreError("another restore or move is filling this database; wait for its end, or end it")
            yield lambda: _ask(db)
        finally:
            db.close()

    def own_blobs(self) -> BlobStore:
        return DatabaseBlobs(self.pool)

    def post(self, notes: Sequence[str]) -> None:
        """Send short texts to the notice boards of all nodes."""
        with self.pool.transaction("BEGIN") as db:
            for note in notes:
                db.run(POST, (note,))
            db.commit()

    def notice_board(self) -> NoticeBoard:
        """Listen for what others post. Raises StoreError."""
        return NoticeBoard(self._url)

    def close(self) -> None:
        self.pool.clear()


def _ask(db: PostgresConnection) -> None:
    """Raise StoreError when the session, and the lock with it, is gone."""
    try:
        db.row("SELECT 1")
    except Interrupted as error:
        raise StoreError("the connection broke that kept others away meanwhile; run the same command again") from error
