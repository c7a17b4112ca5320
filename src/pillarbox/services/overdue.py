"""Mail that is due, but a throttle has no room for it: its sender hears that it is late, or gets it back at last.

What is tried again and again is seen to after each attempt (`relay.py`); this is for what is never tried.
Sections: RFC 5321 §4.5.4.1 (give-up time), RFC 3464 §2.3.3 (delayed).
"""

from __future__ import annotations

from collections.abc import Iterator

from pillarbox.datatypes.outbox import Entry
from pillarbox.services import relay
from pillarbox.services.queue import RELAY, job_of
from pillarbox.services.relay import Schedule
from pillarbox.storage import queue_list
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.transaction import Transaction

_AT_ONCE = 50  # messages that one transaction sees to


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
        count = relay.end_overdue(tx, entries, schedule, host_name)
        given_up, told = given_up + count, told + len(entries) - count
    return given_up, told


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
