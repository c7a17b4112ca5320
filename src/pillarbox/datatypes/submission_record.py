"""What is stored of a submission (RFC 8621 §7)."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

from pillarbox.core.clock import from_date
from pillarbox.datatypes.declare import Record
from pillarbox.datatypes.envelope import Envelope
from pillarbox.datatypes.mark import BlobRef, Immutable, Indexed, Internal, Reference, ServerSet

PENDING, FINAL, CANCELED = "pending", "final", "canceled"


class DeliveryStatus(msgspec.Struct, frozen=True, rename="camel"):
    """What became of the message for one recipient (RFC 8621 §7)."""

    smtp_reply: str
    delivered: Literal["queued", "yes", "no", "unknown"]
    displayed: Literal["unknown", "yes"] = "unknown"


class EmailSubmission(Record, frozen=True, kw_only=True):
    """One act of sending (RFC 8621 §7).

    `message_key` is how what comes back finds it, from when the message has left; `asks_receipt`: so did the message.
    """

    identity_id: Immutable[Reference[str]]
    email_id: Immutable[Reference[str]]
    thread_id: ServerSet[str] = ""
    envelope: Immutable[Envelope | None] = None
    send_at: ServerSet[str] = ""
    undo_status: Literal["pending", "final", "canceled"] = "pending"
    delivery_status: ServerSet[dict[str, DeliveryStatus] | None] = None
    dsn_blob_ids: BlobRef[ServerSet[tuple[str, ...]]] = ()
    mdn_blob_ids: BlobRef[ServerSet[tuple[str, ...]]] = ()
    message_key: Internal[Indexed[str | None]] = None
    asks_receipt: Internal[bool] = False

    @property
    def send_ms(self) -> int:
        """When it was or will be released, in milliseconds."""
        return from_date(self.send_at) or 0


def message_key(message_id: str) -> str:
    """How a submission is found by the id of the message that left, without angle brackets."""
    return hashlib.blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
