"""What is stored of an email that can change, and the few facts that rules need at hand (RFC 8621 §4.1.1).

What is read from the message and never changes stands in the fixed parts `listing` and `structure`.
"""

from __future__ import annotations

import msgspec

from pillarbox.datatypes.declare import Record
from pillarbox.datatypes.mark import BlobRef, Immutable, Reference, ServerSet


class Email(Record, frozen=True):
    """An email's metadata."""

    mailbox_ids: Reference[dict[str, bool]]
    keywords: dict[str, bool] = msgspec.field(default_factory=dict)
    blob_id: BlobRef[ServerSet[str]] = ""
    thread_id: ServerSet[str] = ""
    size: ServerSet[int] = 0
    received_at: Immutable[str] = ""
    has_attachment: ServerSet[bool] = False

    @property
    def is_unread(self) -> bool:
        """RFC 8621 §2: unread emails "have neither the $seen keyword nor the $draft keyword"."""
        return "$seen" not in self.keywords and "$draft" not in self.keywords


LISTING = (
    "messageId", "inReplyTo", "references", "sender", "from", "to", "cc", "bcc", "replyTo", "subject", "sentAt",
    "preview",
)  # fmt: skip
DEFAULT_PROPERTIES = (
    "id", "blobId", "threadId", "mailboxIds", "keywords", "size", "receivedAt", "messageId", "inReplyTo", "references",
    "sender", "from", "to", "cc", "bcc", "replyTo", "subject", "sentAt", "hasAttachment", "preview", "bodyValues",
    "textBody", "htmlBody", "attachments",
)  # fmt: skip
