"""Stores that a restore or a move fills: a mark says so until they are whole, and nobody else may use them till then.

The mark of a directory is a file in it, that of a database on a server is a row there, for all nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pillarbox.app.fill_mark import hold_mark, read_mark
from pillarbox.core.limits import Limits
from pillarbox.storage.blob import BlobStore
from pillarbox.storage.database import StoreError
from pillarbox.storage.store import Store
from pillarbox.storage.store_open import name_of, open_store_at
from pillarbox.storage.unfinished import empty_step, is_empty, set_unfinished, unfinished


def open_whole_store(
    url: str | None, folder: Path, *, limits: Limits | None = None, blobs: BlobStore | None = None
) -> Store:
    """The store in a folder or at a URL. Raises StoreError, also when taking it in did not come to its end."""
    if url is None:
        refuse_half_restored(folder)
    store = open_store_at(url, folder, limits=limits, blobs=blobs)
    if url is not None and (what := store.read(lambda view: unfinished(view.db))) is not None:
        store.close()
        raise _half(what, name_of(url, folder))
    return store


@contextmanager
def open_to_fill(
    url: str | None, folder: Path, what: str, *, limits: Limits | None = None, blobs: BlobStore | None = None
) -> Iterator[tuple[Store, Callable[[], None]]]:
    """An empty store, or one that was being filled with the same; the function says that it is whole.

    What was broken off of something else is deleted. Raises StoreError when there is anything else, and when somebody
    else is filling it at this moment.
    """
    fill = (
        _fill_directory(folder, what, limits, blobs)
        if url is None
        else _fill_database(url, folder, what, limits, blobs)
    )
    with fill as filled:
        yield filled


@contextmanager
def _fill_directory(
    folder: Path, what: str, limits: Limits | None, blobs: BlobStore | None
) -> Iterator[tuple[Store, Callable[[], None]]]:
    with hold_mark(folder, what) as mark, closing(open_store_at(None, folder, limits=limits, blobs=blobs)) as store:
        yield store, mark.end


@contextmanager
def _fill_database(
    url: str, folder: Path, what: str, limits: Limits | None, blobs: BlobStore | None
) -> Iterator[tuple[Store, Callable[[], None]]]:
    with closing(open_store_at(url, folder, limits=limits, blobs=blobs)) as store, store.filling() as ask:
        _begin(store, what, name_of(url, folder))
        yield store, lambda: _end(store, ask)


def _begin(store: Store, what: str, place: str) -> None:
    with store.snapshot() as view:
        before, empty = unfinished(view.db), is_empty(view.db)
    if before is None and not empty:
        raise StoreError(f"{place} is not empty: a store is restored, or moved, into an empty database")
    # Rows of two sources must not be mixed: begin again. The old mark stays until nothing of it is left.
    while before not in (None, what) and not store.write(lambda tx: empty_step(tx.db)):
        pass
    store.write(lambda tx: set_unfinished(tx.db, what))


def _end(store: Store, ask: Callable[[], None]) -> None:
    ask()
    store.write(lambda tx: set_unfinished(tx.db, None))


def refuse_half_restored(folder: Path) -> None:
    """Raise StoreError when a restore into the directory did not come to its end."""
    if (what := read_mark(folder)) is not None:
        raise _half(what, str(folder))


def _half(what: str, place: str) -> StoreError:
    return StoreError(
        f"{what} was being restored into {place}, and is not there as a whole; run the same command again"
    )
