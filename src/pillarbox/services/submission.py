"""Sending: a submission waits in the outbox until it is due, then goes to accounts here or to the relay's queue.

RFC 8621 §7, RFC 4865 (FUTURERELEASE), RFC 3461 §5 and RFC 3464 (notifications).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.email.reading import read_message
from pillarbox.datatypes.email_submission import EMAIL_SUBMISSION
from pillarbox.datatypes.email_submission import RULES as SUBMISSION_RULES
from pillarbox.datatypes.envelope import Address, Envelope
from pillarbox.datatypes.outbox import Entry
from pillarbox.datatypes.submission_record import FINAL, DeliveryStatus, EmailSubmission, message_key
from pillarbox.datatypes.view import Transaction
from pillarbox.formats.message.field import date_to_text
from pillarbox.formats.message.outgoing import outgoing, with_return_path
from pillarbox.formats.report.original import asks_receipt, id_in_header
from pillarbox.services import bounce, directory, observed
from pillarbox.services.directory import Refusal, find_recipient
from pillarbox.services.mail.accept import Destination, Incoming, Outcome, accept
from pillarbox.services.queue import Outgoing, enqueue
from pillarbox.services.sending_limit import SendingLimits
from pillarbox.services.suppression import Suppressed
from pillarbox.storage.database import Interrupted

HELD = "submission"  # the kind of outbox entries that are to be released
_RETRY_MS = 300_000
_AT_ONCE = 20  # held messages that one transaction releases
# What becomes of what an address of ours sends on is told to whoever asked for it, not to this record.
_SENT_ON = DeliveryStatus("250 2.1.5 sent on to another address", "unknown")
_DELIVERED = DeliveryStatus("250 2.0.0 delivered", "yes")
_SLOWED = "its account sends nearly as much as it may, so its mail leaves slowly"  # for administrators
_QUEUED = DeliveryStatus("250 2.0.0 queued", "queued")
_REFUSED = {
    Refusal.UNKNOWN: DeliveryStatus("550 5.1.1 there is no such address here", "no"),
    Refusal.DISABLED: DeliveryStatus("550 5.2.1 the address is disabled", "no"),
    Refusal.LOOP: DeliveryStatus("554 5.4.6 the message or the address goes in circles", "no"),
}


class Held(Envelope, frozen=True, omit_defaults=True):
    """The body of an entry of the outbox that is held. `leaves_at`: for other servers not before, as it is slowed."""

    leaves_at: int | None = None


@dataclass(frozen=True)
class Sender:
    """Sends for all accounts; knows the name by which this server calls itself, and how much an account may send."""

    host_name: str
    limits: SendingLimits | None = None

    def connect_rules(self) -> None:
        """Give the rules of submissions what is on this floor. Once, before anything is written."""
        SUBMISSION_RULES.may_send_as = directory.may_send_as
        SUBMISSION_RULES.host_name = self.host_name
        SUBMISSION_RULES.send = self.submit
        SUBMISSION_RULES.send_message = self.send_message
        SUBMISSION_RULES.take_back = self.take_back

    def submit(self, tx: Transaction, account: str, submission: EmailSubmission) -> None:
        """Send a new submission now, or keep it until it is due. What it sends stays, whatever becomes of its Email.

        Raises Fault, as RATE_LIMIT for an account that has sent as much as it may.
        """
        email = tx.get(EMAIL, account, submission.email_id)
        assert email is not None
        assert submission.envelope is not None
        leaves_at = self.count(tx, account, submission.envelope)
        if submission.send_ms <= tx.now_ms:
            self._release(tx, account, submission.id, email.blob_id, submission.envelope, leaves_at)
            return
        held = Held(submission.envelope.mail_from, submission.envelope.rcpt_to, leaves_at)
        self.hold(tx, Entry(account, "", submission.send_ms, HELD, submission.id, b"", email.blob_id), held)

    def hold(self, tx: Transaction, entry: Entry, held: Held) -> None:
        """Keep a message in the outbox until it is due."""
        tx.add_entry(msgspec.structs.replace(entry, body=msgspec.json.encode(held)))

    def count(self, tx: Transaction, account: str, envelope: Envelope) -> int | None:
        """Count a message; when it may leave for other servers if it has to wait. Raises Fault, as RATE_LIMIT."""
        return self.limits.take(tx, account, len(envelope.rcpt_to)) if self.limits is not None else None

    def send_message(self, tx: Transaction, account: str, data: bytes, envelope: Envelope, item: str) -> None:
        """Send what is no Email, such as a receipt, now. Raises Fault in the same way."""
        leaves_at = self.count(tx, account, envelope)
        self.send(tx, account, data, envelope, item, leaves_at)

    def take_back(self, tx: Transaction, account: str, submission: EmailSubmission) -> bool:
        """Take a held message out of the outbox; whether it was still there."""
        held = [entry for entry in tx.entries_of(account, submission.id) if entry.kind == HELD]
        for entry in held:
            tx.finish_entry(entry)
        return bool(held)

    def send_due(self, tx: Transaction, limit: int = _AT_ONCE) -> int:
        """Release held messages whose time has come; how many were looked at. One that fails is tried again later."""
        entries = tx.due_entries(HELD, limit)
        for entry in entries:
            try:
                with tx.savepoint():
                    held = msgspec.json.decode(entry.body, type=Held)
                    leaves_at = held.leaves_at if (held.leaves_at or 0) > tx.now_ms else None
                    self._release(tx, entry.account, entry.item, entry.blob, held, leaves_at)
                    tx.finish_entry(entry)
            except Interrupted:
                raise
            except Exception as error:  # noqa: BLE001 - one message that cannot go must not hold up the others
                observed.NOT_RELEASED.log(error, account=entry.account)
                tx.postpone_entry(entry, tx.now_ms + _RETRY_MS, entry.body)
        return len(entries)

    def _release(
        self, tx: Transaction, account: str, id: str, blob: str, envelope: Envelope, leaves_at: int | None = None
    ) -> None:
        data = tx.read_blob(account, blob)
        if data is None:
            raise Fault(Kind.UNAVAILABLE, "the message to be sent cannot be read")
        leaving = self._leaving(tx, data)
        statuses, report = self._send(tx, account, leaving, envelope, id, leaves_at)
        submission = tx.get(EMAIL_SUBMISSION, account, id)
        if (
            submission is None
        ):  # destroyed meanwhile, which "MUST NOT affect the deliveries it represents" (RFC 8621 §7.5)
            return
        reports = (*submission.dsn_blob_ids, report) if report else submission.dsn_blob_ids
        message_id = id_in_header(leaving)
        new = msgspec.structs.replace(
            submission,
            undo_status=FINAL,
            delivery_status=statuses,
            dsn_blob_ids=reports,
            message_key=message_key(message_id) if message_id else None,
            asks_receipt=asks_receipt(leaving),
        )
        tx.write(EMAIL_SUBMISSION, account, submission, new)

    def send(
        self,
        tx: Transaction,
        account: str,
        data: bytes,
        envelope: Envelope,
        item: str,
        leaves_at: int | None = None,
    ) -> tuple[dict[str, DeliveryStatus], str]:
        """Send a message of an account now: each recipient's status, and the blob id of a notification or "".

        `item` is the record that entries in the outbox are for; to other servers it goes at `leaves_at`, None is now.
        """
        return self._send(tx, account, self._leaving(tx, data), envelope, item, leaves_at)

    def _leaving(self, tx: Transaction, data: bytes) -> bytes:
        message_id = f"{secrets.token_hex(16)}@{self.host_name}"
        return outgoing(data, message_id, date_to_text(_now(tx)))

    def _send(
        self,
        tx: Transaction,
        account: str,
        leaving: bytes,
        envelope: Envelope,
        item: str,
        leaves_at: int | None,
    ) -> tuple[dict[str, DeliveryStatus], str]:
        delivery = _Delivery(tx, account, leaving, envelope.mail_from, item, leaves_at)
        statuses = delivery.to(envelope.rcpt_to)
        report = bounce.report(statuses, envelope, leaving, self.host_name, _now(tx))
        blob = bounce.deliver_report(tx, account, report) if report is not None else ""
        return statuses, blob


def _now(tx: Transaction) -> datetime:
    return datetime.fromtimestamp(tx.now_ms / 1000, UTC)


class _Delivery:
    """One message to several recipients; an account that several of them lead to gets it once."""

    def __init__(
        self, tx: Transaction, account: str, leaving: bytes, mail_from: Address, item: str, leaves_at: int | None
    ) -> None:
        self._tx, self._account, self._leaving, self._item = tx, account, leaving, item
        self._mail_from, self._leaves_at = mail_from, leaves_at

    def to(self, recipients: Sequence[Address]) -> dict[str, DeliveryStatus]:
        """Deliver to each recipient, or queue it for the relay; what became of it by address."""
        statuses: dict[str, DeliveryStatus] = {}
        here: list[Destination] = []
        elsewhere: list[Address] = []
        for recipient in recipients:
            found = find_recipient(self._tx, recipient.email)
            if found.refusal is None:
                here.append(Destination(recipient, found))
            elif found.refusal is Refusal.NOT_OURS:
                elsewhere.append(recipient)
            else:
                statuses[recipient.email] = _REFUSED[found.refusal]
        statuses |= self._deliver(here) | self._queue(elsewhere)
        return {to.email: statuses[to.email] for to in recipients}

    def _deliver(self, here: Sequence[Destination]) -> dict[str, DeliveryStatus]:
        if not here:
            return {}
        incoming = Incoming(
            reading=read_message(with_return_path(self._leaving, self._mail_from.email)),
            mail_from=self._mail_from,
            recipients=tuple(here),
            received_ms=self._tx.now_ms,
            id=self._item,
            require_tls=self._mail_from.requires_tls,
        )
        try:
            with self._tx.savepoint():
                outcomes = accept(self._tx, incoming)
        except Fault as fault:
            outcomes = [Outcome(fault)] * len(here)
        return {to.address.email: _status(to, one) for to, one in zip(here, outcomes, strict=True)}

    def _queue(self, elsewhere: list[Address]) -> dict[str, DeliveryStatus]:
        """Queue the message for all who are elsewhere, at once: those at one place get it in one go."""
        refused: dict[str, Suppressed] = {}
        if elsewhere:
            outgoing = Outgoing(
                account=self._account,
                data=self._leaving,
                mail_from=self._mail_from,
                recipients=[_with_original(to) for to in elsewhere],
                item=self._item,
                priority=self._mail_from.priority,
                due_at=self._leaves_at,
                reply=_SLOWED if self._leaves_at is not None else "",
                require_tls=self._mail_from.requires_tls,
            )
            refused = enqueue(self._tx, outgoing)
        return {
            to.email: DeliveryStatus(str(refused[to.email]), "no") if to.email in refused else _QUEUED
            for to in elsewhere
        }


def _with_original(to: Address) -> Address:
    """The recipient with itself as the original one, so that a notification names it whatever it leads to elsewhere.

    RFC 3461 §5.2.1: an ORCPT that is given stays, and else one "MAY be added".
    """
    if to.parameter("ORCPT") is not None:
        return to
    kind = "rfc822" if to.email.isascii() else "utf-8"
    return Address(to.email, {**(to.parameters or {}), "ORCPT": f"{kind};{to.email}"})


def _status(to: Destination, outcome: Outcome) -> DeliveryStatus:
    if outcome.fault is not None:
        return _failure(outcome.fault)
    if outcome.refusal is not None:
        return _REFUSED[outcome.refusal]
    return _DELIVERED if to.found.accounts or to.found.postings else _SENT_ON


def _failure(fault: Fault) -> DeliveryStatus:
    if fault.kind is Kind.FORBIDDEN:
        return DeliveryStatus("550 5.7.1 the recipient does not take mail of this sender", "no")
    if fault.kind is Kind.OVER_QUOTA:
        return DeliveryStatus("552 5.2.2 the recipient's mailbox is full", "no")
    if fault.kind is Kind.TOO_LARGE:
        return DeliveryStatus("552 5.3.4 the message is too large for the recipient's mailbox", "no")
    return DeliveryStatus("554 5.2.0 the recipient's mailbox does not take the message", "no")
