"""A store as a whole, whatever its engine: opening, reading, writing, and who is told of what was written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TypeVar

from pillarbox.core.clock import Clock, SystemClock
from pillarbox.core.ids import IdSource
from pillarbox.core.limits import Limits
from pillarbox.core.shelf import Shelves
from pillarbox.storage.blob import BlobStore, blob_id
from pillarbox.storage.result_cache import ResultCache
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.transaction import Transaction

T = TypeVar("T")
Changed = dict[str, dict[str, int]]  # account -> type -> number


def merged(changes: Iterable[Changed]) -> Changed:
    """What several bodies changed, one after the other."""
    out: Changed = {}
    for one in changes:
        for account, types in one.items():
            out.setdefault(account, {}).update(types)
    return out


class Store(ABC):
    """What the floors above may ask of a store: `EmbeddedStore` is one on SQLite, `PostgresStore` one on PostgreSQL."""

    def __init__(
        self, folder: Path, blobs: BlobStore, limits: Limits | None = None, clock: Clock | None = None
    ) -> None:
        self.folder = folder
        self.blobs = blobs
        self.limits = limits or Limits()
        self.clock = clock or SystemClock()
        self.ids = IdSource(self.clock)
        self.shelves = Shelves()  # for all that the process remembers of the store, on whatever floor
        self.cache: ResultCache[str] = ResultCache(self.shelves)
        self.listeners: list[Callable[[Changed], None]] = []

    @abstractmethod
    def snapshot(self, budget: float | None = None) -> AbstractContextManager[Snapshot]:
        """A consistent reading; past `budget` seconds inside the database it may end with BudgetExceeded."""

    def read(self, body: Callable[[Snapshot], T]) -> T:
        """Run a reading body."""
        with self.snapshot() as view:
            return body(view)

    @abstractmethod
    def write(self, body: Callable[[Transaction], T]) -> T:
        """Run one body in a transaction of its own; when this returns, its changes are on stable storage.

        A body may be run again from its beginning when transactions got into each other's way: what it changes outside
        of the transaction must allow that.
        """

    def filling(self) -> AbstractContextManager[Callable[[], None]]:
        """Be the only one who fills this store with another's rows. Raises StoreError when somebody else does.

        The function raises StoreError when that may not be so any more; ask it before the store is called whole.
        """
        return nullcontext(lambda: None)

    def write_ahead(self, data: bytes) -> None:
        """Store octets, if they are many, before the transaction that will put them as a blob: it finds them there."""
        if len(data) > self.limits.blob_inline_octets:
            self.blobs.write(blob_id(data), data)

    @abstractmethod
    def own_blobs(self) -> BlobStore:
        """The place for large blobs that this store brings along: it is used when no other is named."""

    def announce(self, changed: Changed) -> None:
        """Tell the listeners what a commit changed."""
        if changed:
            for listener in self.listeners:
                listener(changed)

    def data_version(self) -> int | None:
        """A number that differs after every commit, whoever made it; None when only a look at the data can tell.

        Costs next to nothing. For one thread.
        """
        return None

    def checkpoint(self) -> None:  # noqa: B027 -- not every engine has something to do
        """Move the write-ahead log into the database file, as far as readers allow.

        Run now and then, beside commits. An engine that does this by itself has nothing to do.
        """

    @abstractmethod
    def close(self) -> None:
        """Close all connections."""
