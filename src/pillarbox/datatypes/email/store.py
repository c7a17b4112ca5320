"""A message becomes an email: its thread found, its record and everything beside it written in one go.

RFC 8621 §3, §4.
"""

from __future__ import annotations

from collections.abc import Mapping

from pillarbox.core.clock import from_date, utc_date
from pillarbox.datatypes.declare import DataType, Extra
from pillarbox.datatypes.email.reading import Reading
from pillarbox.datatypes.email.record import Email
from pillarbox.datatypes.thread import THREAD
from pillarbox.datatypes.view import Transaction


def find_thread(tx: Transaction, account: str, reading: Reading) -> str:
    """The thread that the message belongs to, or the id of a new one.

    A thread that is full takes no more: every change of an email rewrites its thread, so its size is bounded.
    """
    found = tx.find(THREAD, account, "keys", reading.thread_keys) if reading.thread_keys else []
    for id in sorted({id for _, id in found}):
        thread = tx.get(THREAD, account, id, with_deleted=True)
        if thread is not None and len(thread.email_ids) + thread.hidden < tx.limits.max_thread_emails:
            return id
    return tx.new_id(THREAD)


def new_email(
    kind: DataType[Email],
    tx: Transaction,
    account: str,
    reading: Reading,
    mailbox_ids: Mapping[str, bool],
    keywords: Mapping[str, bool],
    received_ms: int,
) -> tuple[Email, Extra]:
    """The record of a message and what is written beside it; stores the message's blob.

    The caller passes both to `tx.write`.
    """
    email = Email(
        id=tx.new_id(kind),
        mailbox_ids=dict(mailbox_ids),
        keywords=dict(keywords),
        blob_id=tx.put_blob(account, reading.data),
        thread_id=find_thread(tx, account, reading),
        size=len(reading.data),
        received_at=utc_date(received_ms),
        has_attachment=reading.listing.has_attachment,
    )
    tx.remember(f"keys:{email.id}", reading.thread_keys)
    return email, _extra(email, reading)


def _extra(email: Email, reading: Reading) -> Extra:
    received = from_date(email.received_at) or 0
    fixed: dict[str, str | int | None] = {"thread_id": email.thread_id, "received_at": received, "size": email.size}
    return Extra(
        parts=reading.parts,
        columns={**reading.columns, **fixed},
        text=text_of(reading),
    )


def text_of(reading: Reading) -> dict[str, str]:
    """What a search looks through, by the column of the text index."""
    text = reading.text
    return {
        "sender": text.from_,
        "recipient": text.to,
        "cc": text.cc,
        "bcc": text.bcc,
        "subject": text.subject,
        "body": text.body,
        "attachment": text.attachments,
        "marks": reading.header_names,
    }


def add_message(
    kind: DataType[Email],
    tx: Transaction,
    account: str,
    reading: Reading,
    mailbox_ids: Mapping[str, bool],
    keywords: Mapping[str, bool],
    received_ms: int,
) -> Email:
    """Store a message as an email.

    Raises Fault when a mailbox does not exist, a limit is passed or the quota is full.
    """
    email, extra = new_email(kind, tx, account, reading, mailbox_ids, keywords, received_ms)
    tx.write(kind, account, None, email, extra)
    return email
