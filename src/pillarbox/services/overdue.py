"""Mail that waits for something else than its next attempt: its sender hears that it is late, or gets it back at last.

What is tried again and again is seen to after each attempt (`relay.py`). This is for what a throttle has no room for,
and for the times that senders have set, which come while a destination is left alone.
Sections: RFC 5321 §4.5.4.1 (give-up time), RFC 3464 §2.3.3 (delayed), RFC 2852 §4.1.3.
"""

from __future__ import annotations

from collections.abc import Iterator

from pillarbox.datatypes.outbox import Entry
from pillarbox.services import observed, relay
from pillarbox.services.deadline import DEADLINE
from pillarbox.services.queue import RELAY, Job, job_of
from pillarbox.services.relay import Schedule
from pillarbox.storage import queue_list
from pillarbox.storage.database import Interrupted
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.transaction import Transaction

_AT_ONCE = 50  # messages that one transaction sees to
_AGAIN_MS = 10_000  # for mail that is being sent at its very time


def overdue(view: Snapshot, schedule: Schedule) -> list[list[Entry]]:
    """Messages with something to be done about: for each, those of its recipients. Reads what is due the longest."""
    found: dict[tuple[str, str], list[Entry]] = {}
    for entry in _waiting(view, schedule):
        if relay.is_overdue(job_of(entry), schedule, view.now_ms):
            found.setdefault((entry.account, entry.message), []).append(entry)
            if len(found) > _AT_ONCE:
                break
    return list(found.values())[:_AT_ONCE]


def see_to(tx: Transaction, messages: list[list[Entry]], schedule: Schedule, host_name: str) -> tuple[int, int]:
    """Give up what is too old, and tell the senders of the rest; how many recipients of each."""
    given_up = told = 0
    for message in messages:
        entries = [new for old in message if (new := _still(tx, old)) is not None]
        count = _end(tx, entries, schedule, host_name)
        given_up, told = given_up + count, told + len(entries) - count
    return given_up, told


def next_deadline(view: Snapshot) -> int | None:
    """When the next time comes by which mail is to be delivered; None while there is none."""
    return view.next_entry_at(DEADLINE)


def see_to_deadlines(tx: Transaction, schedule: Schedule, host_name: str) -> tuple[int, int]:
    """Do the same for mail whose sender has set a time that has come. What is held is seen to when it is let go."""
    messages: dict[tuple[str, str], list[Entry]] = {}
    for deadline in tx.due_entries(DEADLINE, _AT_ONCE):
        entry = queue_list.entry(tx.db, RELAY, deadline.account, deadline.item)
        if entry is not None and queue_list.is_leased(tx.db, entry, tx.now_ms):
            tx.postpone_entry(deadline, tx.now_ms + _AGAIN_MS, deadline.body)
            continue
        if tx.finish_entry(deadline) and entry is not None and _is_late(job_of(entry), schedule, tx.now_ms):
            messages.setdefault((entry.account, entry.message), []).append(entry)
    given_up = sum(_end(tx, entries, schedule, host_name) for entries in messages.values())
    return given_up, sum(map(len, messages.values())) - given_up


def _end(tx: Transaction, entries: list[Entry], schedule: Schedule, host_name: str) -> int:
    try:
        with tx.savepoint():
            return relay.end_overdue(tx, entries, schedule, host_name)
    except Interrupted:
        raise
    except Exception as error:  # noqa: BLE001 - one message that cannot be told of must not hold up all mail
        observed.NOT_TOLD.log(error, account=entries[0].account)
        return relay.end_overdue(tx, entries, schedule, host_name, is_plain=True)


def _is_late(job: Job, schedule: Schedule, now_ms: int) -> bool:
    return job.held_at is None and relay.is_overdue(job, schedule, now_ms)


def _waiting(view: Snapshot, schedule: Schedule) -> Iterator[Entry]:
    for entry in queue_list.throttled(view.db, RELAY, schedule.overdue_before(view.now_ms)):
        if not queue_list.is_leased(view.db, entry, view.now_ms):
            yield entry


def _still(tx: Transaction, old: Entry) -> Entry | None:
    """The entry as it is now, unless somebody has seen to it or sends it."""
    entry = queue_list.entry(tx.db, RELAY, old.account, old.id)
    if entry is None or entry.due_at > tx.now_ms or entry.body != old.body:
        return None
    return None if queue_list.is_leased(tx.db, entry, tx.now_ms) else entry
