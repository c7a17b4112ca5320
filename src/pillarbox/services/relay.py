"""What follows from an attempt to send: entries of the queue end or wait, senders are told, submissions know.

All of it in the one transaction that ends the claim: only a crash between the other server's 250 and this commit makes
a duplicate. Sections: RFC 5321 §4.5.4.1, RFC 8621 §7 (deliveryStatus), RFC 3461 §5.2, RFC 3463 §3.5.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from pillarbox.datatypes.email_submission import EMAIL_SUBMISSION
from pillarbox.datatypes.outbox import Entry
from pillarbox.datatypes.submission_record import DeliveryStatus
from pillarbox.services import bounce
from pillarbox.services.bounce import Told
from pillarbox.services.queue import Job, finish, job_of, job_to_bytes
from pillarbox.services.route import domain_of
from pillarbox.services.suppression import is_hard, note_bounce
from pillarbox.storage import lane, queue_list
from pillarbox.storage.lane import Claim
from pillarbox.storage.lane_entry import Lane
from pillarbox.storage.transaction import Transaction

_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_BLOCK_MS, _LONGEST_BLOCK_MS = 30_000, _HOUR  # how long a destination that is down is left alone
_NEVER_TRIED = "451 4.4.5 this server may not send so much mail of its kind, and it has to wait"
_NOT_YET = "451 4.4.1 it was not tried yet"
_MAX_REPLY = 1_000  # characters of what a server said that are kept


Outcome = Literal["delivered", "relayed", "failed", "later"]


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """When mail that was not taken is tried again, when its sender hears of it, and when it is given up."""

    retry_minutes: tuple[int, ...] = (5, 10, 20, 40, 80, 160, 240)  # RFC 5321 §4.5.4.1: 30 minutes or more at last
    expire_days: float = 5.0
    delay_notice_hours: float = 4.0  # 0: never
    suppress_days: float = 7.0  # for which an address that was refused for good is not written to; 0: never

    def overdue_before(self, now_ms: int) -> int:
        """What came into the queue at this time or later is neither late nor too old yet."""
        hours = min(self.expire_days * 24, self.delay_notice_hours or self.expire_days * 24)
        return int(now_ms - hours * _HOUR)

    def wait_ms(self, attempts: int) -> int:
        """How long to wait after so many attempts, each time a little differently: all at once would be a crowd."""
        minutes = self.retry_minutes[min(attempts, len(self.retry_minutes)) - 1]
        return int(minutes * _MINUTE * random.uniform(0.9, 1.1))  # noqa: S311 -- nothing to guess


class Result(msgspec.Struct, frozen=True):
    """What an attempt came to for one recipient. `host` is whose reply it is; "" for our own words.

    `relayed`: the other server has it, and may yet fail; `delivered`: it is in a mailbox, as LMTP says.
    """

    outcome: Outcome
    reply: str
    host: str = ""
    tells_success: bool = False  # the other server has promised to tell of the delivery (RFC 3461 §5.2.1)


_DELIVERED: Mapping[Outcome, Literal["yes", "unknown", "no", "queued"]] = {
    "delivered": "yes",
    "relayed": "unknown",
    "failed": "no",
    "later": "queued",
}


class Concluded(msgspec.Struct):
    """Recipients of a claim, by what became of them."""

    sent: int = 0
    failed: int = 0
    later: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count a recipient."""
        if outcome == "later":
            self.later += 1
        elif outcome == "failed":
            self.failed += 1
        else:
            self.sent += 1


def conclude(
    tx: Transaction,
    claim: Claim,
    results: Sequence[Result],
    schedule: Schedule,
    host_name: str,
    *,
    down: str | None = None,
    is_plain: bool = False,
) -> Concluded:
    """End a claim. `down` is why the destination could not be used at all, which blocks it for a while.

    `is_plain`: tell nobody. What was sent must not be sent again because it cannot be told.
    """
    told: list[Told] = []
    statuses: dict[str, DeliveryStatus] = {}
    count, is_ours = Concluded(), lane.is_held(tx.db, claim.lease)
    for entry, given in zip(claim.entries, results, strict=True):
        job, result = job_of(entry), given
        if result.outcome == "later" and _is_too_old(tx.now_ms, job, schedule):
            result = _given_up(tx.now_ms, job, result, schedule)
        if result.outcome != "later":
            if not finish(tx, entry, job):  # somebody else, who had it as well, has said what became of it
                continue
            told += [] if result.tells_success else [_told(job, result.outcome, result, schedule)]
        elif is_ours:
            late = _is_late(tx.now_ms, job, schedule)
            if not _postpone(tx, entry, job, result, schedule, was_told=job.was_told or late):
                continue
            told += [_told(job, "delayed", result, schedule)] if late else []
        else:  # somebody else has it now, who will find out anew
            continue
        statuses[job.rcpt_to.email] = DeliveryStatus(_shown(result), _DELIVERED[result.outcome])
        count.add(result.outcome)
    if not is_plain:
        report = _notify(tx, claim.entries[0], told, host_name)
        _follow(tx, claim.entries[0], statuses, report)
        _suppress(tx, claim, results, schedule)
    _free(tx, claim, down)
    return count


def is_overdue(job: Job, schedule: Schedule, now_ms: int) -> bool:
    """Whether its sender is to hear of what has waited for so long."""
    return _is_late(now_ms, job, schedule) or _is_too_old(now_ms, job, schedule)


def end_overdue(
    tx: Transaction, entries: Sequence[Entry], schedule: Schedule, host_name: str, *, is_plain: bool = False
) -> int:
    """Without an attempt, give up those of a message's entries that are too old; the others are told of. How many.

    `is_plain`: tell nobody.
    """
    told: list[Told] = []
    statuses: dict[str, DeliveryStatus] = {}
    count = 0
    for entry in entries:
        job = job_of(entry)
        if _is_too_old(tx.now_ms, job, schedule):
            result = _given_up(tx.now_ms, job, Result("failed", _why_waits(tx, entry, job)), schedule)
            finish(tx, entry, job)
            told.append(_told(job, "failed", result, schedule))
            count += 1
        else:
            result = Result("later", _why_waits(tx, entry, job))
            told.append(_told(job, "delayed", result, schedule))
            tx.postpone_entry(entry, entry.due_at, job_to_bytes(msgspec.structs.replace(job, was_told=True)))
        statuses[job.rcpt_to.email] = DeliveryStatus(_shown(result), _DELIVERED[result.outcome])
    if entries:
        report = "" if is_plain else _notify(tx, entries[0], told, host_name)
        _follow(tx, entries[0], statuses, report)
    return count


def _why_waits(tx: Transaction, entry: Entry, job: Job) -> str:
    """What is told of mail that is not tried at the moment."""
    if job.reply:
        return job.reply
    blocked = queue_list.blocked(tx.db, entry.destination, tx.now_ms)
    if blocked is not None:
        return blocked[1]
    return _NEVER_TRIED if entry.throttle else _NOT_YET


def give_up(tx: Transaction, entry: Entry, reply: str, host_name: str, *, tells_sender: bool) -> None:
    """End an entry that nobody has claimed as one that failed, without an attempt."""
    job = job_of(entry)
    finish(tx, entry, job)
    told = [Told(job.rcpt_to, "failed", reply)] if tells_sender else []
    report = _notify(tx, entry, told, host_name)
    _follow(tx, entry, {job.rcpt_to.email: DeliveryStatus(reply, "no")}, report)


def _free(tx: Transaction, claim: Claim, down: str | None) -> None:
    """Let others use the destination, or nobody for a while."""
    destination = claim.entries[0].destination
    if down is not None:
        failures = lane.failures(tx.db, destination) + 1
        until = tx.now_ms + min(_BLOCK_MS * 2 ** min(failures - 1, 10), _LONGEST_BLOCK_MS)
        lane.block(tx.db, destination, until, failures, down[:_MAX_REPLY])
    else:
        lane.unblock(tx.db, destination, tx.now_ms)
    lane.release(tx.db, claim.lease, tx.now_ms)


def redirect(tx: Transaction, claim: Claim, lanes: Sequence[Lane]) -> None:
    """End a claim without an attempt: its entries wait at other destinations, since the routes are others now."""
    if lane.is_held(tx.db, claim.lease):
        for entry, to in zip(claim.entries, lanes, strict=True):
            lane.move(tx.db, entry, to, tx.now_ms)
    lane.release(tx.db, claim.lease, tx.now_ms)


def _postpone(tx: Transaction, entry: Entry, job: Job, result: Result, schedule: Schedule, *, was_told: bool) -> bool:
    attempts = job.attempts + 1
    new = msgspec.structs.replace(job, attempts=attempts, reply=_shown(result)[:_MAX_REPLY], was_told=was_told)
    due_at = min(tx.now_ms + schedule.wait_ms(attempts), int(job.queued_at + schedule.expire_days * _DAY))
    by = job.deliver_by
    if by is not None and not by.is_over(tx.now_ms):
        due_at = min(due_at, by.ends_at)
    return tx.postpone_entry(entry, max(due_at, tx.now_ms + _MINUTE), job_to_bytes(new))


def _suppress(tx: Transaction, claim: Claim, results: Sequence[Result], schedule: Schedule) -> None:
    """Remember addresses that their own domain's server has refused for good. A smarthost's word is not that."""
    for entry, result in zip(claim.entries, results, strict=True):
        recipient = job_of(entry).rcpt_to.email
        is_last_word = result.outcome == "failed" and bool(result.host) and is_hard(result.reply)
        if is_last_word and entry.destination == domain_of(recipient):
            note_bounce(tx, entry.account, recipient, _shown(result), schedule.suppress_days)


def _is_late(now_ms: int, job: Job, schedule: Schedule) -> bool:
    """Whether the sender is to hear now that it takes long; once."""
    if job.was_told:
        return False
    by, after = job.deliver_by, schedule.delay_notice_hours * _HOUR
    # RFC 2852 §4.1.3: at the time that the sender has set, unless it was over before the message came.
    if by is not None and not by.is_told and by.is_over(now_ms):
        return True
    return bool(after) and now_ms >= job.queued_at + after


def _is_too_old(now_ms: int, job: Job, schedule: Schedule) -> bool:
    by = job.deliver_by
    is_late = by is not None and by.is_return and by.is_over(now_ms)
    return is_late or now_ms >= job.queued_at + schedule.expire_days * _DAY


def _given_up(now_ms: int, job: Job, result: Result, schedule: Schedule) -> Result:
    days = f"{schedule.expire_days:g} days"
    text = f"554 5.4.7 it was tried for {days}, the last time with: {_shown(result)}"
    if result.reply == _NEVER_TRIED:
        text = f"554 5.4.7 it waited for {days}, as this server may not send so much mail of its kind"
    if now_ms < job.queued_at + schedule.expire_days * _DAY:  # RFC 2852 §4.1.3
        text = f"554 5.4.7 the time is over by which it was to be delivered, the last reply was: {_shown(result)}"
    return msgspec.structs.replace(result, outcome="failed", reply=text)


def _told(job: Job, action: str, result: Result, schedule: Schedule) -> Told:
    until = int(job.queued_at + schedule.expire_days * _DAY) if action == "delayed" else None
    return Told(job.rcpt_to, action, _shown(result), result.host, until)


def _shown(result: Result) -> str:
    return " ".join(result.reply.split())[:_MAX_REPLY]


def _notify(tx: Transaction, entry: Entry, told: list[Told], host_name: str) -> str:
    """Tell the sender what it wants to hear, all of one attempt at once; the notification's blob id, or ""."""
    job = job_of(entry)
    wanted = [one for one in told if bounce.is_wanted(one)]
    if not wanted or not job.mail_from.email:
        return ""
    sent = tx.read_blob(entry.account, entry.blob) or b""
    data = bounce.notification(wanted, job.mail_from, sent, host_name, now_ms=tx.now_ms, arrived_ms=job.queued_at)
    return bounce.return_report(tx, entry.account, job.mail_from, data, is_submitted=job.origin == "submission")


def _follow(tx: Transaction, entry: Entry, statuses: dict[str, DeliveryStatus], report: str) -> None:
    """Have the submission say what became of it (RFC 8621 §7); one that was destroyed has nothing to say."""
    if not entry.item or not (statuses or report):
        return
    old = tx.get(EMAIL_SUBMISSION, entry.account, entry.item)
    if old is None:
        return
    known = dict(old.delivery_status or {})
    for address, status in statuses.items():
        known[address] = _joined(known.get(address), status)
    reports = (*old.dsn_blob_ids, report) if report else old.dsn_blob_ids
    tx.write(
        EMAIL_SUBMISSION,
        entry.account,
        old,
        msgspec.structs.replace(old, delivery_status=known, dsn_blob_ids=reports),
    )


def _joined(before: DeliveryStatus | None, status: DeliveryStatus) -> DeliveryStatus:
    """A recipient's new status; what another server has said of it meanwhile is not lost by having passed it on."""
    if before is None or (status.delivered == "unknown" and before.delivered in ("yes", "no")):
        return before or status
    return msgspec.structs.replace(status, displayed=before.displayed)
