"""Notifications to those who sent: what could not be delivered, what takes long, and what was, when they asked.

RFC 3461 §5.2, RFC 3464, RFC 5321 §6.1.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.faults import Fault
from pillarbox.datatypes.email.reading import read_message
from pillarbox.datatypes.envelope import Address, Envelope
from pillarbox.datatypes.submission_record import DeliveryStatus
from pillarbox.datatypes.view import Transaction
from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.message.outgoing import with_return_path
from pillarbox.formats.report.dsn import Dsn, DsnRecipient, dsn_to_bytes
from pillarbox.formats.report.heading import Heading
from pillarbox.services import observed
from pillarbox.services.directory import Refusal, find_recipient
from pillarbox.services.mail.accept import Destination, Incoming, accept
from pillarbox.services.mail.deliver import deliver
from pillarbox.services.queue import Outgoing, enqueue

_WANTED = {"failed": "FAILURE", "delayed": "DELAY", "delivered": "SUCCESS", "relayed": "SUCCESS"}
_WHEN_NOT_SAID = "FAILURE,DELAY"  # RFC 3461 §4.1: without NOTIFY, failures are told, and delays if we like


class Told(msgspec.Struct, frozen=True):
    """What became of a message for one recipient: an action of RFC 3464 §2.3.3, and the reply that says why.

    `host` is who replied, "" for this server; `until` when trying ends, in milliseconds since 1970.
    """

    to: Address
    action: str
    reply: str
    host: str = ""
    until: int | None = None


def report(
    statuses: Mapping[str, DeliveryStatus], envelope: Envelope, sent: bytes, host_name: str, now: datetime
) -> bytes | None:
    """The notification that a message's sender is owed at once, None when none is."""
    # RFC 5321 §6.1: a notification has the null reverse-path, so that none is ever sent about a notification.
    if not envelope.mail_from.email:
        return None
    actions = {"no": "failed", "yes": "delivered"}
    told = [
        Told(to, actions[status.delivered], status.smtp_reply)
        for to in envelope.rcpt_to
        if (status := statuses[to.email]).delivered in actions
    ]
    wanted = [one for one in told if is_wanted(one)]
    if not wanted:
        return None
    now_ms = int(now.timestamp() * 1000)
    return notification(wanted, envelope.mail_from, sent, host_name, now_ms=now_ms, arrived_ms=now_ms)


def is_wanted(told: Told) -> bool:
    """Whether the sender asked to be told that, or did not ask not to be (RFC 3461 §4.1)."""
    return _WANTED[told.action] in (told.to.parameter("NOTIFY") or _WHEN_NOT_SAID).upper().split(",")


def notification(
    told: Sequence[Told], mail_from: Address, sent: bytes, host_name: str, *, now_ms: int, arrived_ms: int
) -> bytes:
    """One notification about some recipients of a message; the times in milliseconds since 1970."""
    now = _moment(now_ms)
    dsn = Dsn(
        reporting_mta=host_name,
        recipients=tuple(_recipient(one, now) for one in told),
        envelope_id=mail_from.parameter("ENVID"),
        arrived_at=_moment(arrived_ms),
    )
    heading = Heading(
        sender=EmailAddress("Mail delivery", f"postmaster@{host_name}"),
        recipient=EmailAddress(None, mail_from.email),
        sent_at=now,
        message_id=f"{secrets.token_hex(16)}@{host_name}",
    )
    # RFC 3461 §4.3: RET=FULL asks for the whole message, in notifications of failure.
    whole = (mail_from.parameter("RET") or "").upper() == "FULL"
    whole = whole and any(one.action == "failed" for one in told)
    return dsn_to_bytes(dsn, heading, sent, lambda: secrets.token_hex(16), whole_original=whole)


def _recipient(told: Told, now: datetime) -> DsnRecipient:
    original = told.to.parameter("ORCPT")
    words = told.reply.split(" ")
    # RFC 3464 §2.3.4: what is only late has a status of its own class, whatever the reply was
    status = words[1] if len(words) > 1 and words[1][:2] in ("2.", "4.", "5.") else f"{words[0][:1]}.0.0"
    return DsnRecipient(
        final_recipient=told.to.email,
        action=told.action,
        status=status,
        original_recipient=original.partition(";")[2] if original else None,
        remote_mta=told.host or None,
        diagnostic=told.reply,
        last_attempt_at=now if told.host else None,
        will_retry_until=None if told.until is None else _moment(told.until),
    )


def deliver_report(tx: Transaction, account: str, data: bytes) -> str:
    """Put a notification into the sender's inbox; its blob id, or "" when the account has no room for it."""
    try:
        with tx.savepoint():
            return deliver(tx, account, data).blob_id
    except Fault as fault:
        observed.NOT_NOTIFIED.log(account=account, why=fault.kind.value)
        return ""


def return_report(tx: Transaction, account: str, mail_from: Address, data: bytes, *, is_submitted: bool) -> str:
    """Send a notification to where its message came from: an inbox here, or back to another server.

    The blob id when it is in the inbox of the account that submitted the message, else "".
    """
    if is_submitted:
        return deliver_report(tx, account, data)
    found = find_recipient(tx, mail_from.email)
    if found.refusal is Refusal.NOT_OURS:
        back = Outgoing(
            account=DIRECTORY,
            data=data,
            mail_from=Address(""),
            recipients=[mail_to(mail_from)],
            origin="notification",
            require_tls=mail_from.requires_tls,  # RFC 8689 §5
        )
        enqueue(tx, back)
    elif found.refusal is None:
        reading = read_message(with_return_path(data, ""))
        to = (Destination(mail_to(mail_from), found),)
        incoming = Incoming(reading=reading, mail_from=Address(""), recipients=to, received_ms=tx.now_ms)
        try:
            with tx.savepoint():
                accept(tx, incoming)
        except Fault as fault:
            observed.NOT_NOTIFIED.log(account=account, why=fault.kind.value)
    else:
        observed.NOT_NOTIFIED.log(account=account, why=found.refusal.value)
    return ""


def mail_to(address: Address) -> Address:
    """The address without parameters, which were about another message."""
    return Address(address.email)


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
