"""Taking in an upload: blobs that nobody holds have a quota of their own, and the oldest make room (RFC 8620 §6)."""

from __future__ import annotations

from pillarbox.core.faults import Fault, Kind
from pillarbox.core.limits import Limits
from pillarbox.datatypes.view import Incoming, Transaction

_AT_A_TIME = 100


def store_upload(tx: Transaction, account: str, data: bytes | Incoming) -> str:
    """Store octets that a client has sent, and return their blob id. Raises overQuota when they can never fit."""
    check_upload_size(tx.limits, len(data) if isinstance(data, bytes) else data.size)
    if isinstance(data, bytes):
        blob = tx.put_blob(account, data, pending=True)
    else:
        blob = tx.put_incoming(account, data, pending=True)
    # RFC 8620 §6: "When an upload would take the user over quota, the server MUST delete unreferenced blobs in date
    # order, oldest first, until there is room for the new blob."
    while True:
        victims, is_all = _in_the_way(tx, account, blob)
        if tx.drop_pending(account, victims) == len(victims) and is_all:
            return blob


def check_upload_size(limits: Limits, size: int) -> None:
    """Raise overQuota for an upload that can never fit."""
    most = limits.upload_quota_octets
    if size > most:
        raise Fault(Kind.OVER_QUOTA, f"uploads that nothing refers to may take {most} octets", max_size=most)


def _in_the_way(tx: Transaction, account: str, new: str) -> tuple[list[str], bool]:
    """The oldest pending blobs that have to go, and whether that is all of them.

    Looked for again only when there are more, or some were held after all: to count what is pending takes its time.
    """
    count, octets = tx.pending_use(account)
    count, octets = count - tx.limits.upload_quota_count, octets - tx.limits.upload_quota_octets
    if count <= 0 and octets <= 0:
        return [], True
    out: list[str] = []
    for blob, size in tx.oldest_pending(account, _AT_A_TIME):
        if blob == new:
            continue
        out.append(blob)
        count, octets = count - 1, octets - size
        if count <= 0 and octets <= 0:
            return out, True
    return out, not out
