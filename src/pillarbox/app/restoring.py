"""Stores that a restore or a move fills: a mark says so until they are whole, and nobody else may use them till then.

The mark of a directory is a file in it, that of a database on a server is a row there, for all nodes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pillarbox.core.limits import Limits
from pillarbox.storage.blob import BlobStore
from pillarbox.storage.database import StoreError
from pillarbox.storage.store import Store
from pillarbox.storage.store_open import name_of, open_store_at
from pillarbox.storage.unfinished import empty_step, is_empty, set_unfinished, unfinished

_MARK = "restoring"


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
    else is filling a database at this moment.
    """
    if url is None:
        begin_restore(folder, what)
    store = open_store_at(url, folder, limits=limits, blobs=blobs)
    try:
        if url is None:
            yield store, lambda: end_restore(folder)
        else:
            with store.filling() as ask:
                _begin(store, what, name_of(url, folder))
                yield store, lambda: _end(store, ask)
    finally:
        store.close()


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


def begin_restore(folder: Path, backup: str) -> None:
    """Mark an empty directory, or go on where the same backup was being restored. Raises StoreError."""
    mark = folder / _MARK
    if mark.is_file():
        if mark.read_text("utf-8").strip() == backup:
            return
        # Rows of two backups must not be mixed: begin again.
        shutil.rmtree(folder / "blobs", ignore_errors=True)
        for path in folder.glob("pillarbox.sqlite3*"):
            path.unlink()
    elif folder.is_dir() and any(folder.iterdir()):
        raise StoreError(f"{folder} is not empty: a backup is restored into an empty data directory")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with mark.open("w", encoding="utf-8") as file:
            file.write(f"{backup}\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror or error}") from error


def end_restore(folder: Path) -> None:
    """The store is whole."""
    (folder / _MARK).unlink()


def refuse_half_restored(folder: Path) -> None:
    """Raise StoreError when a restore into the directory did not come to its end."""
    mark = folder / _MARK
    if mark.is_file():
        raise _half(mark.read_text("utf-8").strip(), str(folder))


def _half(what: str, place: str) -> StoreError:
    return StoreError(
        f"{what} was being restored into {place}, and is not there as a whole; run the same command again"
    )
