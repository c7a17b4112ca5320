"""Notifications to those who sent: what could not be delivered, and what was, when they asked to be told.

RFC 3461 §5.2, RFC 3464, RFC 5321 §6.1.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime

from pillarbox.core.faults import Fault
from pillarbox.datatypes.envelope import Address, Envelope
from pillarbox.datatypes.submission_record import DeliveryStatus
from pillarbox.datatypes.view import Transaction
from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.report.dsn import Dsn, DsnRecipient, dsn_to_bytes
from pillarbox.formats.report.heading import Heading
from pillarbox.services import observed
from pillarbox.services.mail.deliver import deliver


def report(
    statuses: Mapping[str, DeliveryStatus], envelope: Envelope, sent: bytes, host_name: str, now: datetime
) -> bytes | None:
    """The notification that a message's sender is owed, None when none is."""
    # RFC 5321 §6.1: a notification has the null reverse-path, so that none is ever sent about a notification.
    if not envelope.mail_from.email:
        return None
    told = [one for to in envelope.rcpt_to if (one := _recipient(to, statuses[to.email])) is not None]
    if not told:
        return None
    dsn = Dsn(
        reporting_mta=host_name,
        recipients=tuple(told),
        envelope_id=envelope.mail_from.parameter("ENVID"),
        arrived_at=now,
    )
    heading = Heading(
        sender=EmailAddress("Mail delivery", f"postmaster@{host_name}"),
        recipient=EmailAddress(None, envelope.mail_from.email),
        sent_at=now,
        message_id=f"{secrets.token_hex(16)}@{host_name}",
    )
    # RFC 3461 §4.3: RET=FULL asks for the whole message, in notifications of failure.
    whole = (envelope.mail_from.parameter("RET") or "").upper() == "FULL"
    whole = whole and any(to.action == "failed" for to in told)
    return dsn_to_bytes(dsn, heading, sent, lambda: secrets.token_hex(16), whole_original=whole)


def _recipient(to: Address, status: DeliveryStatus) -> DsnRecipient | None:
    action = {"no": "failed", "yes": "delivered"}.get(status.delivered)
    # RFC 3461 §4.1: without NOTIFY, only failures are told.
    wanted = (to.parameter("NOTIFY") or "FAILURE").upper().split(",")
    if action is None or {"failed": "FAILURE", "delivered": "SUCCESS"}[action] not in wanted:
        return None
    original = to.parameter("ORCPT")
    return DsnRecipient(
        final_recipient=to.email,
        action=action,
        status=status.smtp_reply.split(" ")[1],
        original_recipient=original.partition(";")[2] if original else None,
        diagnostic=status.smtp_reply,
    )


def deliver_report(tx: Transaction, account: str, data: bytes) -> str:
    """Put a notification into the sender's inbox; its blob id, or "" when the account has no room for it."""
    try:
        with tx.savepoint():
            return deliver(tx, account, data).blob_id
    except Fault as fault:
        observed.NOT_NOTIFIED.log(account=account, why=fault.kind.value)
        return ""
