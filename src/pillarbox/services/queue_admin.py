"""What an administrator does with the outbound queue: look, try again, hold, let go, send another way, drop.

What is being sent at that very moment is left alone: whoever sends it would not notice.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pillarbox.core.clock import utc_date
from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.datatypes.email_submission import EMAIL_SUBMISSION
from pillarbox.datatypes.outbox import NEVER, Entry
from pillarbox.services.deadline import end_deadline, note_deadline
from pillarbox.services.queue import DIRECT_NAME, QUEUES, RELAY, Job, job_of, job_to_bytes, lane_now
from pillarbox.services.queue_throttle import THROTTLING
from pillarbox.services.relay import give_up
from pillarbox.services.route import ROUTING
from pillarbox.storage import lane, queue_list, throttle
from pillarbox.storage.lane_entry import lane_of
from pillarbox.storage.queue_list import Wanted
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.transaction import Transaction

DROPPED = "554 5.7.1 an administrator took the message out of the queue"
STATUSES = ("due", "waiting", "throttled", "sending", "held")


class QueuedMessage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A message on its way to one recipient elsewhere.

    `status`: due (its time has come), waiting (for its next attempt), throttled (due, but it has to wait for a throttle
    of the settings), sending, or held (by an administrator).
    """

    id: str
    message_id: str  # the same for all recipients of one message; no field of it
    account_id: str
    submission_id: str | None  # of an EmailSubmission that is there: other mail in the queue has none
    accepted_as: str | None  # what whoever handed it in was told: by SMTP the id in the reply, which Received has too
    origin: str
    queue: str
    destination: str
    route: str | None  # the way that an administrator chose
    sender: str
    recipient: str
    priority: int
    requires_tls: bool
    status: str
    queued_at: str
    due_at: str | None
    attempts: int
    last_reply: str | None
    blocked_until: str | None  # nothing at all is sent to the destination before
    blocked_because: str | None
    throttled_until: str | None  # nothing more goes before by the throttle, and then what has waited the longest
    throttled_by: str | None


class Search(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which messages; None is any. Addresses are searched for parts, in any case."""

    account_id: str | None = None
    message_id: str | None = None
    accepted_as: str | None = None
    queue: str | None = None
    destination: str | None = None
    sender: str | None = None
    recipient: str | None = None
    status: str | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be changed of a message; None leaves it as it is. The route "" is the usual way again."""

    is_held: bool | None = None
    is_due: bool = False
    route: str | None = None


def find(view: Snapshot, search: Search) -> Iterator[str]:
    """The ids of messages that are searched for, those due first at first."""
    if search.status is not None and search.status not in STATUSES:
        raise Fault(Kind.UNSUPPORTED_FILTER, f"a status is one of {', '.join(STATUSES)}")
    if search.queue is not None and search.queue not in QUEUES:
        raise Fault(Kind.UNSUPPORTED_FILTER, f"a queue is one of {', '.join(QUEUES)}")
    wanted = Wanted(
        account=search.account_id, queue=search.queue, destination=search.destination, item=search.accepted_as
    )
    for entry in queue_list.entries(view.db, RELAY, wanted):
        if _fits(entry, search) and search.status in (None, _status(view, entry)[0]):
            yield _id_of(entry)


def show(view: Snapshot, id: str) -> QueuedMessage | None:
    """The message with this id."""
    entry = _entry(view, id)
    return _shown(view, entry) if entry is not None else None


def change(tx: Transaction, id: str, change: Change) -> None:
    """Hold a message or let it go, try it at once, or send it another way. Raises notFound, invalidProperties."""
    entry = _at_rest(tx, id)
    job = job_of(entry)
    if change.is_held is not None:
        job = msgspec.structs.replace(job, held_at=tx.now_ms if change.is_held else None)
    to = lane_of(entry)
    if change.route is not None:
        job = _rerouted(job, change.route)
        moved = msgspec.structs.replace(entry, body=job_to_bytes(job))
        to = lane_now(ROUTING.routes, THROTTLING.throttles, moved)
    due_at = NEVER if job.held_at is not None else entry.due_at
    if change.is_due or (change.is_held is False and entry.due_at >= NEVER):
        if job.held_at is not None:
            raise invalid("dueAt", "the message is held; let it go first")
        due_at = tx.now_ms
    tx.postpone_entry(entry, due_at, job_to_bytes(job))
    if change.is_held is False:  # its time may have passed meanwhile
        end_deadline(tx, entry.account, entry.id, job.deliver_by)
        note_deadline(tx, entry.account, entry.id, job.deliver_by)
    if to != lane_of(entry):
        lane.move(tx.db, entry, to, due_at)
    if change.is_due:
        lane.unblock(tx.db, to.destination, tx.now_ms)


def drop(tx: Transaction, id: str, host_name: str, *, tells_sender: bool) -> None:
    """Take a message out of the queue; its sender gets a notification of it, or hears nothing. Raises notFound."""
    give_up(tx, _at_rest(tx, id), DROPPED, host_name, tells_sender=tells_sender)


def _rerouted(job: Job, route: str) -> Job:
    """The job by a way of the settings."""
    if route and ROUTING.routes.named("" if route == DIRECT_NAME else route) is None:
        raise invalid("route", f"there is no route {route}; there are: {', '.join(ROUTING.routes.names())}")
    return msgspec.structs.replace(job, route=route)


def _at_rest(tx: Transaction, id: str) -> Entry:
    entry = _entry(tx, id)
    if entry is None:
        raise Fault(Kind.NOT_FOUND, f"there is no message {id} in the queue")
    if queue_list.is_leased(tx.db, entry, tx.now_ms):
        raise Fault(Kind.UNAVAILABLE, "the message is being sent at this moment; try again")
    return entry


def _entry(view: Snapshot | Transaction, id: str) -> Entry | None:
    account, _, entry_id = id.rpartition("_")
    return queue_list.entry(view.db, RELAY, account, entry_id)


def _id_of(entry: Entry) -> str:
    return f"{entry.account}_{entry.id}"


def _fits(entry: Entry, search: Search) -> bool:
    if search.message_id not in (None, entry.message):
        return False
    job = job_of(entry)
    return (search.sender or "").casefold() in job.mail_from.email.casefold() and (
        search.recipient or ""
    ).casefold() in job.rcpt_to.email.casefold()


def _submission_of(view: Snapshot, entry: Entry) -> str | None:
    """What was handed in by SMTP has the id of the SMTP session's message in its place, a receipt that of an Email."""
    is_there = entry.item and view.get(EMAIL_SUBMISSION, entry.account, entry.item) is not None
    return entry.item if is_there else None


def _status(view: Snapshot, entry: Entry) -> tuple[str, tuple[str, int] | None]:
    """The status, and if it is throttled, by what and until when at least."""
    if queue_list.is_leased(view.db, entry, view.now_ms):
        return "sending", None
    if job_of(entry).held_at is not None:
        return "held", None
    if entry.due_at > view.now_ms:
        return "waiting", None
    held = throttle.held_until(view.db, lane_of(entry)) if entry.throttle else None
    return "throttled" if held is not None else "due", held


def _shown(view: Snapshot, entry: Entry) -> QueuedMessage:
    job = job_of(entry)
    block = queue_list.blocked(view.db, entry.destination, view.now_ms)
    status, held = _status(view, entry)
    return QueuedMessage(
        id=_id_of(entry),
        message_id=entry.message,
        account_id=entry.account,
        submission_id=_submission_of(view, entry),
        accepted_as=entry.item or None,
        origin=job.origin,
        queue=entry.queue,
        destination=entry.destination,
        route=job.route or None,
        sender=job.mail_from.email,
        recipient=job.rcpt_to.email,
        priority=job.priority,
        requires_tls=job.require_tls,
        status=status,
        queued_at=utc_date(job.queued_at),
        due_at=utc_date(entry.due_at) if status in ("due", "waiting", "throttled") else None,
        attempts=job.attempts,
        last_reply=job.reply or None,
        blocked_until=utc_date(block[0]) if block is not None else None,
        blocked_because=block[1] if block is not None else None,
        throttled_until=utc_date(held[1]) if held is not None else None,
        throttled_by=held[0] if held is not None else None,
    )
