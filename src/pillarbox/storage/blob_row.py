"""The rows of blobs: which account has which, in the database itself or stored outside of it before."""

from __future__ import annotations

from typing import Protocol

from pillarbox.storage import blob_sweep, pending
from pillarbox.storage.snapshot import Snapshot


class Write(Protocol):
    """Stores the octets outside of the database."""

    def __call__(self, *, anew: bool) -> None: ...


def renew(view: Snapshot, account: str, blob: str, *, is_pending: bool) -> bool:
    """Whether the account has the blob; if so, and nobody is to hold it either, its time begins again."""
    if view.blob_size(account, blob) is None:
        return False
    want(view, account, blob, is_pending=is_pending)
    return True


def want(view: Snapshot, account: str, blob: str, *, is_pending: bool) -> None:
    """Have a blob that the account has held, or if nobody is to hold it, have its time begin again."""
    if not is_pending:
        pending.leave(view.db, account, blob)
    else:
        # RFC 8620 §6: "if reuploaded, the same blobId MAY be returned, but this SHOULD reset the expiry time."
        pending.renew(view.db, account, blob, view.now_ms)


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


def add(view: Snapshot, account: str, blob: str, size: int, data: bytes | None, *, is_pending: bool) -> bool:
    """Add the row, unless there is one; whether it was added. `data`: the octets if they are to be in the database."""
    added = view.db.row(
        "INSERT INTO blob (account, id, size, stored_at, pending, data) VALUES (?, ?, ?, ?, ?, ?)"
        # Where writers run side by side, another may have been quicker.
        " ON CONFLICT (account, id) DO NOTHING RETURNING id",
        (account, blob, size, view.now_ms, int(is_pending), data),
    )
    if is_pending and added is not None:
        pending.entered(view.db, account, size)
    return added is not None
