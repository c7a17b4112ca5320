"""The rows of blobs: which account has which, in the database itself or stored outside of it before."""

from __future__ import annotations

from typing import Protocol

from pillarbox.storage import blob_sweep
from pillarbox.storage.snapshot import Snapshot


class Write(Protocol):
    """Stores the octets outside of the database."""

    def __call__(self, *, anew: bool) -> None: ...


def renew(view: Snapshot, account: str, blob: str, *, pending: bool) -> bool:
    """Whether the account has the blob; if so, and nobody holds it, its time begins again."""
    if view.blob_size(account, blob) is None:
        return False
    # RFC 8620 §6: "if reuploaded, the same blobId MAY be returned, but this SHOULD reset the expiry time."
    sql = "UPDATE blob SET pending = ?, stored_at = ? WHERE account = ? AND id = ? AND pending = 1"
    view.db.run(sql, (int(pending), view.now_ms, account, blob))
    return True


def settle(view: Snapshot, blob: str, write: Write) -> None:
    """Have a large blob stored for certain before a row refers to it.

    Raises UNAVAILABLE when that cannot be done, BudgetExceeded when it would take time that a hurried body has not.
    """
    if blob_sweep.unmark(view.db, blob):
        view.take_time()
        write(anew=True)
    elif not view.blobs.is_settled(blob):
        view.take_time()
        write(anew=False)


def add(view: Snapshot, account: str, blob: str, size: int, data: bytes | None, *, pending: bool) -> None:
    """Add the row; `data` are the octets if they are to be in the database."""
    view.db.run(
        "INSERT INTO blob (account, id, size, stored_at, pending, data) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (account, id) DO NOTHING",  # where writers run side by side, another may have been quicker
        (account, blob, size, view.now_ms, int(pending), data),
    )
