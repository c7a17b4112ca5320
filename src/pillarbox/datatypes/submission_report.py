"""What reports about a submission change in it: whose word is taken for what (RFC 8621 §7, RFC 3464, RFC 8098).

Anybody can write a report. Whoever knows the id of a message has had it in hand, and is believed what this server does
not know better: a delivery that is known to have succeeded or failed stays what it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from pillarbox.datatypes.address import same_address_key
from pillarbox.datatypes.envelope import Address, Envelope
from pillarbox.datatypes.submission_record import DeliveryStatus, EmailSubmission
from pillarbox.formats.report.cause import cause
from pillarbox.formats.report.dsn import Dsn, DsnRecipient
from pillarbox.formats.report.mdn import Mdn

MOST_REPORTS = 20  # of each kind that are kept though they change nothing for a recipient
MOST_OCTETS = 1024 * 1024  # of a report that is kept: nobody's quota counts it once its email is gone
_MOST_REPLY = 1_000  # characters
_REPLY = re.compile(r"[245][0-9]{2}[ -]")
_STATUS = re.compile(r"[245](?:\.[0-9]{1,3}){2}\Z")
_ESCAPED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
# By action (RFC 3464 §2.3.3): the classes of replies that go with it, and the reply where none is told.
_REPLIES: Mapping[str, tuple[str, str, str]] = {
    "failed": ("54", "550", "5.0.0"),
    "delayed": ("4", "450", "4.0.0"),
    "delivered": ("2", "250", "2.0.0"),
    "relayed": ("2", "250", "2.0.0"),
    "expanded": ("2", "250", "2.0.0"),
}


class Report(msgspec.Struct, frozen=True):
    """A report as it is stored."""

    blob: str
    size: int  # octets


def with_dsn(submission: EmailSubmission, dsn: Dsn, report: Report) -> EmailSubmission | None:
    """The submission after a notification of another server; None when it is about another sending of the message."""
    envelope = submission.envelope
    if envelope is None or not _same_sending(envelope, dsn):
        return None
    recipients, statuses = _recipients(envelope), dict(submission.delivery_status or {})
    is_news = False
    for told in dsn.recipients:
        to = _named(recipients, told.original_recipient, told.final_recipient)
        before = None if to is None else statuses.get(to.email)
        if to is None or before is None:
            continue
        after = _after(to, before, told)
        is_news |= after.delivered != before.delivered
        statuses[to.email] = after
    kept = _kept(submission.dsn_blob_ids, report, is_news=is_news)
    if kept is None:
        return submission
    return msgspec.structs.replace(submission, delivery_status=statuses, dsn_blob_ids=kept)


def with_mdn(submission: EmailSubmission, mdn: Mdn, author: str, report: Report) -> EmailSubmission | None:
    """The submission after a receipt that `author` has written; None when it cannot be about it.

    RFC 8098 §2.1: only who is asked sends receipts.
    """
    envelope = submission.envelope
    if envelope is None or not submission.asks_receipt:
        return None
    statuses = dict(submission.delivery_status or {})
    to = _reader(envelope, mdn, author)
    before = None if to is None else statuses.get(to.email)
    is_news = before is not None and before.displayed == "unknown" and mdn.disposition.type == "displayed"
    if to is not None and before is not None and is_news:
        statuses[to.email] = msgspec.structs.replace(before, displayed="yes")
    kept = _kept(submission.mdn_blob_ids, report, is_news=is_news)
    if kept is None:
        return submission
    return msgspec.structs.replace(submission, delivery_status=statuses, mdn_blob_ids=kept)


def _same_sending(envelope: Envelope, dsn: Dsn) -> bool:
    """RFC 3464 §2.2.1: a notification has the ENVID that the message was sent with, if its server knows of any."""
    given = envelope.mail_from.parameter("ENVID")
    return not given or not dsn.envelope_id or given.split() == dsn.envelope_id.split()


def _recipients(envelope: Envelope) -> dict[str, Address]:
    """Recipients by what a notification may call them: their address, or the one that the client gave as original."""
    out: dict[str, Address] = {}
    for to in envelope.rcpt_to:
        original = to.parameter("ORCPT")
        if original:
            out.setdefault(_key(original), to)
    return out | {_key(to.email): to for to in envelope.rcpt_to}


def _named(recipients: Mapping[str, Address], *names: str | None) -> Address | None:
    """Who is meant: RFC 3464 §2.3.1, the original recipient tells whom the sender had named, whatever became of it."""
    found = (recipients.get(_key(name)) for name in names if name)
    return next((to for to in found if to is not None), None)


def _key(name: str) -> str:
    """An address, with or without its type, with escapes of RFC 6533 §3 or without, as it compares."""
    address = name.rpartition(";")[2].strip().removeprefix("<").removesuffix(">")
    return same_address_key(_ESCAPED.sub(_unescaped, address))


def _unescaped(match: re.Match[str]) -> str:
    number = int(match[1], 16)
    return chr(number) if number < 0x110000 else match[0]


def _after(to: Address, before: DeliveryStatus, told: DsnRecipient) -> DeliveryStatus:
    """A recipient's status after what was told of it.

    What is known for good stays: nobody gets mail back by a notification, nor has it delivered. While the message is in
    the queue here, only its failure is believed, which may come before it is written down that it has left.
    """
    asked = (to.parameter("NOTIFY") or "").upper().split(",")
    if before.delivered in ("yes", "no") or told.action not in _REPLIES or "NEVER" in asked:
        return before
    delivered: Literal["queued", "yes", "no", "unknown"] = before.delivered
    if told.action == "failed":
        delivered = "no"
    elif told.action == "delivered" and "SUCCESS" in asked:
        # RFC 3461 §4.1: nobody tells of success who was not asked to.
        delivered = "yes"
    if delivered == before.delivered == "queued":
        return before
    return DeliveryStatus(_reply(told), delivered, before.displayed)


def _reply(told: DsnRecipient) -> str:
    """The reply that is told, or one made of the status."""
    classes, code, status = _REPLIES[told.action]
    text = "".join(c if c.isprintable() else " " for c in told.diagnostic or "")
    text = " ".join(text.split())[:_MOST_REPLY]
    if _REPLY.match(text) and text[0] in classes:
        return text
    if _STATUS.match(told.status) and told.status[0] in classes:
        code, status = f"{told.status[0]}50", told.status
    words = cause(status) if told.action in ("failed", "delayed") else ""
    return f"{code} {status} {text or words or told.action}"


def _reader(envelope: Envelope, mdn: Mdn, author: str) -> Address | None:
    """Whom a receipt is about.

    Where there is but one recipient, whoever has the message has it from there. Of several, each speaks for itself:
    they all know the id of the message, and could write receipts for each other.
    """
    if len(envelope.rcpt_to) == 1:
        return envelope.rcpt_to[0]
    recipients = _recipients(envelope)
    to = _named(recipients, mdn.original_recipient, mdn.final_recipient)
    return to if to is not None and _key(to.email) == _key(author) else None


def _kept(blobs: tuple[str, ...], report: Report, *, is_news: bool) -> tuple[str, ...] | None:
    """The reports that are kept, with this one; None when it is to change nothing: too many, too large, there already.

    What is news changes a recipient for good, so that there is an end to it.
    """
    is_large = report.size > MOST_OCTETS
    if report.blob in blobs or (not is_news and (is_large or len(blobs) >= MOST_REPORTS)):
        return None
    return blobs if is_large else (*blobs, report.blob)
