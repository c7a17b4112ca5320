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
    while victims := _in_the_way(tx, account, blob):
        tx.drop_pending(account, victims)
    return blob


def check_upload_size(limits: Limits, size: int) -> None:
    """Raise overQuota for an upload that can never fit."""
    most = limits.upload_quota_octets
    if size > most:
        raise Fault(Kind.OVER_QUOTA, f"uploads that nothing refers to may take {most} octets", max_size=most)


def _in_the_way(tx: Transaction, account: str, new: str) -> list[str]:
    """The oldest pending blobs, as many as have to go; some more may have to when these were many or held after all."""
    count, octets = tx.pending_use(account)
    count, octets = count - tx.limits.upload_quota_count, octets - tx.limits.upload_quota_octets
    out: list[str] = []
    for blob, size in tx.oldest_pending(account, _AT_A_TIME) if count > 0 or octets > 0 else ():
        if count <= 0 and octets <= 0:
            break
        if blob == new:
            continue
        out.append(blob)
        count, octets = count - 1, octets - size
    return out
