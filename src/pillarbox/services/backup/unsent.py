"""What an account was about to send when it was backed up, as it is told in the account that is restored of it.

The outbox of a backup is not taken into a store that is in use: what stands in it may have been sent since, by the
account as it was or as it still is, and nothing is to be sent twice. So nobody would ever say what became of it.
"""

from __future__ import annotations

import msgspec

from pillarbox.datatypes.email_submission import EMAIL_SUBMISSION
from pillarbox.datatypes.submission_record import CANCELED, PENDING, DeliveryStatus, EmailSubmission
from pillarbox.storage.dump.item import RecordItem
from pillarbox.storage.record import decoded

# RFC 8621 §7: "unknown" is all that can be said; the text says why.
_NOT_SENT = DeliveryStatus(
    "451 4.3.0 restored from a backup, and not sent by it; it may have been sent since", "unknown"
)


def told_as_unsent(item: RecordItem) -> RecordItem:
    """The row of a submission that waits, as one that waits no more: canceled, or of unknown fate; else the row itself.

    Sections: RFC 8621 §7 (undoStatus, deliveryStatus).
    """
    if item.type != EMAIL_SUBMISSION.name or not item.body:
        return item
    old = decoded(EMAIL_SUBMISSION, item.body)
    new = _ended(old) if isinstance(old, EmailSubmission) else old
    return item if new is old else msgspec.structs.replace(item, body=msgspec.json.encode(new))


def _ended(old: EmailSubmission) -> EmailSubmission:
    known = old.delivery_status or {}
    if old.undo_status == PENDING:
        waiting = [to.email for to in old.envelope.rcpt_to] if old.envelope is not None else list(known)
        status = {**known, **dict.fromkeys(waiting, _NOT_SENT)}
        return msgspec.structs.replace(old, undo_status=CANCELED, delivery_status=status)
    if all(one.delivered != "queued" for one in known.values()):
        return old
    status = {
        to: msgspec.structs.replace(one, smtp_reply=_NOT_SENT.smtp_reply, delivered=_NOT_SENT.delivered)
        if one.delivered == "queued"
        else one
        for to, one in known.items()
    }
    return msgspec.structs.replace(old, delivery_status=status)
