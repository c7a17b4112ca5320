"""A message comes into an account: read outside the write lock, stored inside (RFC 8621 §4, RFC 9979)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pillarbox.core.clock import from_date
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.email import EMAIL, Email
from pillarbox.datatypes.email.reading import Reading, read_message
from pillarbox.datatypes.email.store import add_message
from pillarbox.datatypes.mailbox import id_of_role
from pillarbox.datatypes.view import Transaction
from pillarbox.formats.message import header

_UNSUBSCRIBE = re.compile(rb"<\s*(?:https|mailto):", re.IGNORECASE)


def deliver(
    tx: Transaction,
    account: str,
    data: bytes,
    *,
    mailbox_role: str = "inbox",
    keywords: Iterable[str] = (),
    received_ms: int | None = None,
) -> Email:
    """Deliver a message to the mailbox with a role (the inbox, if there is none). Raises Fault, such as overQuota."""
    return deliver_reading(
        tx, account, read_message(data), mailbox_role=mailbox_role, keywords=keywords, received_ms=received_ms
    )


def deliver_reading(
    tx: Transaction,
    account: str,
    reading: Reading,
    *,
    mailbox_role: str = "inbox",
    mailbox: str | None = None,
    keywords: Iterable[str] = (),
    received_ms: int | None = None,
) -> Email:
    """Deliver a message that was read before the transaction began; `mailbox` is the id of one, whatever the role."""
    mailbox = mailbox or id_of_role(tx, account, mailbox_role) or id_of_role(tx, account, "inbox")
    if mailbox is None:
        raise Fault(Kind.UNAVAILABLE, "the account has no inbox")
    marks = {**delivery_keywords(reading), **dict.fromkeys(keywords, True)}
    return store_in(tx, account, reading, {mailbox: True}, marks, tx.now_ms if received_ms is None else received_ms)


def store_in(
    tx: Transaction,
    account: str,
    reading: Reading,
    mailbox_ids: Mapping[str, bool],
    keywords: Mapping[str, bool],
    received_ms: int,
) -> Email:
    """Store a message that was read in these mailboxes."""
    return add_message(EMAIL, tx, account, reading, mailbox_ids, keywords, received_ms)


def delivery_keywords(reading: Reading) -> dict[str, bool]:
    """What a server marks new mail with (RFC 9979 §2): whether it has attachments, whether one can unsubscribe."""
    out = {"$hasattachment" if reading.listing.has_attachment else "$hasnoattachment": True}
    value = header.find(reading.data, reading.structure.root.fields, "List-Unsubscribe")
    if value is not None and _UNSUBSCRIBE.search(value):
        out["$canunsubscribe"] = True
    return out


def received_time(reading: Reading) -> int | None:
    """The time in the most recent Received header field, in milliseconds, or None (RFC 8621 §4.8)."""
    value = header.find(reading.data, reading.structure.root.fields, "Received", all=True)
    if not value:
        return None
    # RFC 5321 §4.4: the newest trace field is the first, and its date follows the last semicolon.
    date = header.date_utc(value[0].rpartition(b";")[2])
    return from_date(date) if date else None
