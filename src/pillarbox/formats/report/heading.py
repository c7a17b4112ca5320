"""The header that all reports have.

Sections: RFC 6522; RFC 3464 §2; RFC 8098 §3; RFC 5322 §3.6.4.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.message.draft import Addresses, Date, DraftField, MessageIds, Text


class Heading(msgspec.Struct, frozen=True):
    """Who sends a report to whom, and when; `message_id` without angle brackets."""

    sender: EmailAddress
    recipient: EmailAddress
    sent_at: datetime
    message_id: str


def common_fields(heading: Heading, subject: str, original_ids: Iterable[str]) -> list[DraftField]:
    """From, To, Subject, Date and Message-ID, and the fields that put the report into the thread of its message."""
    fields = [
        DraftField("From", Addresses((heading.sender,))),
        DraftField("To", Addresses((heading.recipient,))),
        DraftField("Subject", Text(subject)),
        DraftField("Date", Date(heading.sent_at)),
        DraftField("Message-ID", MessageIds((heading.message_id,))),
    ]
    ids = MessageIds([identifier.strip(" <>") for identifier in original_ids])
    if ids.value:
        fields += [DraftField("In-Reply-To", ids), DraftField("References", ids)]
    return fields
