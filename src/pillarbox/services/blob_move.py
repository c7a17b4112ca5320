"""Large blobs move from one store to another: copied, checked by their digests, and only then deleted."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pillarbox.storage import verify as rows
from pillarbox.storage.blob import BlobStore
from pillarbox.storage.blob_incoming import Incoming
from pillarbox.storage.store import Store

_CHUNK = 500


class Moved(msgspec.Struct, kw_only=True):
    """What was done. `damaged` are the blobs that the old store does not have as they should be."""

    copied: int = 0
    present: int = 0
    removed: int = 0
    damaged: list[str] = msgspec.field(default_factory=list)


def copy_blobs(
    store: Store, target: BlobStore, on_progress: Callable[[int, int], None] = lambda _n, _of: None
) -> Moved:
    """Copy all large blobs that are not yet in the target. Broken off, it goes on where it was. Raises UNAVAILABLE.

    `on_progress` hears how many blobs of how many.
    """
    moved = Moved()
    there = {stored.name: stored.size for page in target.pages() for stored in page}
    total = store.read(lambda view: rows.outside_count(view.db))
    done, after = 0, ""
    while page := store.read(lambda view, at=after: rows.outside(view.db, at, _CHUNK)):  # type: ignore[misc]
        for id, size in page:
            if there.get(id) == size:
                moved.present += 1
            elif _copy(store.blobs, target, id, size):
                moved.copied += 1
            else:
                moved.damaged.append(id)
            done += 1
            on_progress(done, total)
        after = page[-1][0]
    return moved


def remove_blobs(store: Store, target: BlobStore, moved: Moved) -> None:
    """Empty the old store. Call it when everything is copied and no server runs."""
    there = {stored.name: stored.size for page in target.pages() for stored in page}
    for page in store.blobs.pages():
        for stored in page:
            # What is not in the target is wanted by nobody, or damaged and left for whoever can mend it.
            if there.get(stored.name) == stored.size:
                store.blobs.remove(stored.name)
                moved.removed += 1


def _copy(source: BlobStore, target: BlobStore, id: str, size: int) -> bool:
    incoming = Incoming(target)
    try:
        for start in range(0, size, source.piece_octets):
            piece = source.read_range(id, start, min(start + source.piece_octets, size))
            if piece is None:
                return False
            incoming.add(piece)
        if incoming.blob != id:
            return False
        incoming.store(anew=True)
        return True
    finally:
        incoming.close()
