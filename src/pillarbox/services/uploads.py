"""The end of uploads: what nobody has come to hold goes away after its time (RFC 8620 §6)."""

from __future__ import annotations

import time

from pillarbox.datatypes.view import Transaction
from pillarbox.storage import upload
from pillarbox.storage.store import Store

_EXPIRE = 500  # blobs that one transaction forgets
_FILE_SECONDS = 86_400.0


def expire_uploads(tx: Transaction, limit: int = _EXPIRE) -> int:
    """Forget blobs that nobody holds and nobody has wanted for the upload time; call again while it returns `limit`.

    Uploads and what destroyed records have left, of all accounts.
    """
    before = tx.now_ms - tx.limits.upload_seconds * 1000
    found = tx.expired_blobs(before, limit)
    for account, blob in found:
        tx.drop_pending(account, [blob])
    return len(found)


def sweep_files(store: Store, now: float | None = None, older_seconds: float = _FILE_SECONDS) -> int:
    """Delete files that no blob of any account is in, left by forgotten blobs or by a crash; how many went.

    Only those of some age go: an upload's file is written before the transaction that names it.
    """
    return upload.sweep_files(store, (time.time() if now is None else now) - older_seconds)
