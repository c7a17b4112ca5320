"""The end of uploads: what nobody has come to hold goes away after its time (RFC 8620 §6)."""

from __future__ import annotations

import time

from pillarbox.datatypes.view import Transaction
from pillarbox.storage.blob import BlobStore
from pillarbox.storage.store import Store

EXPIRE = 500  # blobs that one transaction forgets
FILE_SECONDS = 86_400.0


def expire_uploads(tx: Transaction, limit: int = EXPIRE) -> int:
    """Forget blobs that nobody holds and nobody has wanted for the upload time; call again while it returns `limit`.

    Uploads and what destroyed records have left, of all accounts.
    """
    before = tx.now_ms - tx.limits.upload_seconds * 1000
    found = tx.expired_blobs(before, limit)
    for account, blob in found:
        tx.drop_pending(account, [blob])
    return len(found)


def sweep_files(store: Store, now: float | None = None, older_seconds: float = FILE_SECONDS) -> int:
    """Delete files that no blob of any account is in, left by forgotten blobs or by a crash; how many went.

    Only those of some age go: an upload's file is written before the transaction that names it. A file goes when its
    row is gone both in what is committed and in what is being written: a commit that fails brings rows back, and they
    must find their files. Takes the write lock.
    """
    before = (time.time() if now is None else now) - older_seconds
    committed = store.read(lambda view: view.blobs_in_files())
    return store.write(lambda tx: sweep(store.blobs, committed | tx.blobs_in_files(), before))


def sweep(files: BlobStore, wanted: set[str], before: float) -> int:
    """Delete files written before a time, in seconds since 1970, that are not wanted; how many went."""
    gone = [name for name in files.names() if name not in wanted and files.written_at(name) < before]
    for name in gone:
        files.remove(name)
    return len(gone)
