"""The outbound queue: what leaves for other servers, a row for each recipient, in the transaction of whoever sends.

Virtual queues keep kinds of mail out of each other's way: a person's message does not wait behind a mailing list's.
Sections: RFC 6710 §4 (MT-PRIORITY), RFC 5321 §4.5.4.1.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Literal

import msgspec

from pillarbox.datatypes.envelope import Address
from pillarbox.datatypes.outbox import Entry
from pillarbox.datatypes.view import Transaction
from pillarbox.services import observed
from pillarbox.services.deadline import end_deadline, note_deadline
from pillarbox.services.deliver_by import DeliverBy, deliver_by
from pillarbox.services.queue_throttle import THROTTLING, Leaving, Throttles, begins_to_wait
from pillarbox.services.route import ROUTING, Routes, domain_of
from pillarbox.services.suppression import Suppressed, suppressed
from pillarbox.storage.lane_entry import Lane
from pillarbox.storage.throttle import Throttle, Throttling, mark

DIRECT_NAME = "direct"  # how an administrator calls the way by the recipient's domain
RELAY = "relay"  # the kind of outbox entries that go to another server
Origin = Literal["submission", "forward", "list", "report", "vacation", "notification"]
# Virtual queues: what somebody wrote, what passes through, what a machine sends to many.
PERSONAL, PASSING, BULK = "personal", "passing", "bulk"
QUEUES = (PERSONAL, PASSING, BULK)
_QUEUE_OF: dict[Origin, str] = {
    "submission": PERSONAL,
    "notification": PERSONAL,
    "vacation": PASSING,
    "forward": PASSING,
    "list": BULK,
    "report": BULK,
}


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is to leave. `account` answers for it and holds it.

    `item` is the submission that it is of, or the id that a listener gave to the message it was made of.
    `priority` is that of RFC 6710, -9 to 9; `due_at` in milliseconds since 1970, now if there is none.
    """

    account: str
    data: bytes
    mail_from: Address  # with email "": the null reverse-path
    recipients: list[Address]
    item: str = ""
    origin: Origin = "submission"
    priority: int = 0
    due_at: int | None = None
    require_tls: bool = False
    reply: str = ""  # what administrators are shown until it is tried


class Job(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a queue entry holds as JSON: one recipient, and what was learnt on the way. Its blob is the message."""

    mail_from: Address
    rcpt_to: Address
    queued_at: int
    origin: Origin = "submission"
    priority: int = 0
    require_tls: bool = False
    route: str = ""  # that an administrator chose for it
    attempts: int = 0
    reply: str = ""  # what the last attempt came to
    was_told: bool = False  # that it is late
    held_at: int | None = None  # by an administrator

    @property
    def deliver_by(self) -> DeliverBy | None:
        """By when its sender wants it to be delivered."""
        return deliver_by(self.mail_from, self.queued_at)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Job).decode


def enqueue(tx: Transaction, outgoing: Outgoing) -> dict[str, Suppressed]:
    """Queue a message for its recipients elsewhere. It leaves some time after the transaction is committed.

    Those are returned, with the reason, that it is not queued for, since they have refused mail before.
    """
    refused = suppressed(tx, outgoing.account, (to.email for to in outgoing.recipients))
    for address in refused:
        observed.NOT_QUEUED.log(account=outgoing.account, origin=outgoing.origin, recipient=address)
    recipients = [to for to in outgoing.recipients if to.email not in refused]
    if recipients:
        _add_entries(tx, outgoing, recipients)
    return refused


def _add_entries(tx: Transaction, outgoing: Outgoing, recipients: Sequence[Address]) -> None:
    blob = tx.put_blob(outgoing.account, outgoing.data)
    message, priority = secrets.token_hex(10), min(max(outgoing.priority, -9), 9)
    for recipient in recipients:
        job = Job(
            mail_from=outgoing.mail_from,
            rcpt_to=recipient,
            queued_at=tx.now_ms,
            origin=outgoing.origin,
            priority=priority,
            require_tls=outgoing.require_tls,
            reply=outgoing.reply,
        )
        entry = Entry(
            account=outgoing.account,
            id="",
            due_at=tx.now_ms if outgoing.due_at is None else outgoing.due_at,
            kind=RELAY,
            item=outgoing.item,
            body=_encode(job),
            blob=blob,
            queue=queue_of(outgoing.origin, priority),
            destination=ROUTING.routes.destination(outgoing.mail_from.email, recipient.email),
            rank=-priority,
            message=message,
        )
        held_by = mark(throttles_of(THROTTLING.throttles, entry, job))
        id = tx.add_entry(msgspec.structs.replace(entry, throttle=held_by))
        note_deadline(tx, entry.account, id, job.deliver_by)


def finish(tx: Transaction, entry: Entry, job: Job) -> bool:
    """Take an entry out of the queue; whether it was there."""
    end_deadline(tx, entry.account, entry.id, job.deliver_by)
    return tx.finish_entry(entry)


def job_of(entry: Entry) -> Job:
    """What an entry of the queue holds."""
    return _decode(entry.body)


def job_to_bytes(job: Job) -> bytes:
    """An entry's body."""
    return _encode(job)


def queue_of(origin: Origin, priority: int) -> str:
    """The virtual queue for mail of an origin: what is sent with a low priority goes beside the rest."""
    return BULK if priority < 0 else _QUEUE_OF[origin]


def lane_now(routes: Routes, throttles: Throttles, entry: Entry) -> Lane:
    """The lane where an entry belongs as the settings are now, or as an administrator has said."""
    destination = destination_now(routes, entry)
    if not throttles:
        return Lane(entry.queue, destination)
    moved = msgspec.structs.replace(entry, destination=destination)
    return Lane(entry.queue, destination, mark(throttles_of(throttles, moved)))


def throttles_of(throttles: Throttles, entry: Entry, job: Job | None = None) -> tuple[Throttle, ...]:
    """What holds an entry back, in the order of the settings."""
    if not throttles:
        return ()
    job = job or job_of(entry)
    mail = Leaving(job.mail_from.email, job.rcpt_to.email, entry.account, entry.queue, entry.destination)
    return throttles.of(mail)


def throttling(throttles: Throttles) -> Throttling | None:
    """What claims have to ask; None when nothing holds mail back."""
    return Throttling(lambda entry: throttles_of(throttles, entry), begins_to_wait) if throttles else None


def destination_now(routes: Routes, entry: Entry) -> str:
    """Where an entry belongs as the routes are now, or as an administrator has said."""
    job = job_of(entry)
    if job.route:
        way = routes.named(job.route if job.route != DIRECT_NAME else "")
        if way is not None and way.name:
            return way.name
        return domain_of(job.rcpt_to.email) if way is not None else entry.destination
    return routes.destination(job.mail_from.email, job.rcpt_to.email)
