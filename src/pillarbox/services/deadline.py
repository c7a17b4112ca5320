"""Times by which queued mail is to be delivered, looked at when they come, whatever the mail itself waits for.

A destination that is down may be left alone for an hour, a throttle be used up for longer: neither may delay what a
sender has asked for. Each wish is an entry of the outbox of its own, beside that of the mail, and ends with it.
Section: RFC 2852 §4.1.3.
"""

from __future__ import annotations

from pillarbox.datatypes.outbox import Entry
from pillarbox.datatypes.view import Transaction
from pillarbox.services.deliver_by import DeliverBy

DEADLINE = "deadline"  # the kind of outbox entries; `item` is the id of the queue's entry


def note_deadline(tx: Transaction, account: str, id: str, by: DeliverBy | None) -> None:
    """Have somebody look at an entry of the queue when its time comes, if that is still to come."""
    if by is not None and not by.is_told:
        tx.add_entry(Entry(account, "", by.ends_at, DEADLINE, id, b"{}"))


def end_deadline(tx: Transaction, account: str, id: str, by: DeliverBy | None) -> None:
    """Forget the time of an entry that leaves the queue."""
    if by is not None:
        for deadline in tx.entries_of(account, id):
            tx.finish_entry(deadline)
