"""The end of uploads: what nobody has come to hold goes away after its time (RFC 8620 §6)."""

from __future__ import annotations

import time

from pillarbox.datatypes.view import Transaction
from pillarbox.storage import blob_sweep
from pillarbox.storage.blob import BlobStore
from pillarbox.storage.store import Store
from pillarbox.storage.transaction import Transaction as StoreTransaction

EXPIRE = 500  # blobs that one transaction forgets
FILE_SECONDS = 86_400.0
STEP = 20  # deletions in one transaction: elsewhere than on a disk each takes a while


def expire_uploads(tx: Transaction, limit: int = EXPIRE) -> int:
    """Forget blobs that nobody holds and nobody has wanted for the upload time; call again until it returns 0.

    Uploads and what destroyed records have left, of one account at a time: to hold the rows of many would keep all of
    their writers waiting, where writers run side by side.
    """
    before = tx.now_ms - tx.limits.upload_seconds * 1000
    found = tx.expired_blobs(before, limit)
    blobs = [blob for account, blob in found if account == found[0][0]]
    if blobs:
        tx.drop_pending(found[0][0], blobs)
    return len(blobs)


def sweep_files(store: Store, now: float | None = None, older_seconds: float = FILE_SECONDS) -> int:
    """Mark stored octets that no blob of any account is in, left by forgotten blobs or by a crash.

    Delete those that were marked an hour ago and are still not wanted; how many went. Only what is of some age is
    marked: what is uploaded is stored before the transaction that names it.
    """
    now = time.time() if now is None else now
    for page in store.blobs.pages():
        names = store.read(lambda view, p=page: blob_sweep.unwanted(view.db, p, now - older_seconds))  # type: ignore[misc]
        store.write(lambda tx, n=names: blob_sweep.mark(tx.db, n, int(now * 1000)))  # type: ignore[misc]
    gone, dealt = 0, STEP
    while dealt == STEP:
        dealt, deleted = store.write(lambda tx: delete_step(tx, store.blobs, now))
        gone += deleted
    return gone


def delete_step(tx: StoreTransaction, blobs: BlobStore, now: float) -> tuple[int, int]:
    """Deal with at most STEP marks, (how many marks, how many deleted). `now` is in seconds since 1970."""
    return blob_sweep.remove_marked(tx.db, blobs, int(now * 1000), STEP)
