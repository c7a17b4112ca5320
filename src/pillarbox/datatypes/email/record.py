"""What is stored of an email that can change, and the few facts that rules need at hand (RFC 8621 §4.1.1).

What is read from the message and never changes stands in the fixed parts `listing`, `structure` and `imap`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pillarbox.datatypes.declare import Record
from pillarbox.datatypes.mark import BlobRef, Immutable, Internal, Reference, ServerSet


class Email(Record, frozen=True):
    r"""An email's metadata.

    In the mailboxes of `deleted_ids` it has IMAP's \Deleted. RFC 8621 §4.1.1: such a message "MUST NOT be visible via
    JMAP", so these are not among `mailbox_ids`. An email that is in no other mailbox is hidden.
    """

    mailbox_ids: Reference[dict[str, bool]]
    deleted_ids: Internal[tuple[str, ...]] = ()
    keywords: dict[str, bool] = msgspec.field(default_factory=dict)
    blob_id: BlobRef[ServerSet[str]] = ""
    thread_id: ServerSet[str] = ""
    size: ServerSet[int] = 0
    received_at: Immutable[str] = ""
    has_attachment: ServerSet[bool] = False

    @property
    def is_hidden(self) -> bool:
        """Whether only IMAP sees it."""
        return not self.mailbox_ids

    def placed(self, mailbox_ids: Mapping[str, bool]) -> Email:
        r"""The email in these mailboxes for all to see; where it is \Deleted besides, it stays so."""
        left = tuple(box for box in self.deleted_ids if box not in mailbox_ids)
        return msgspec.structs.replace(self, mailbox_ids=dict(mailbox_ids), deleted_ids=left)

    def without(self, mailbox: str) -> Email | None:
        """The email when it has left a mailbox; None when that was its last."""
        ids = {box: True for box in self.mailbox_ids if box != mailbox}
        left = tuple(box for box in self.deleted_ids if box != mailbox)
        return msgspec.structs.replace(self, mailbox_ids=ids, deleted_ids=left) if ids or left else None

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
