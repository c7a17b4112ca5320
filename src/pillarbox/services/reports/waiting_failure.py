"""Failures that wait in the store, where all processes bring them, until one tells of them: bounded, and for an hour.

What fails alike is told once an hour with its number: the hour counts from when it was told, whoever did that.
Section: RFC 9991 §8.1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.view import View
from pillarbox.services import observed
from pillarbox.services.dmarc_failure import Failure
from pillarbox.services.reports.failures import MOST, MOST_OF_DOMAIN, MOST_OF_SOURCE, likeness_of
from pillarbox.storage import waiting_failure
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.transaction import Transaction
from pillarbox.storage.waiting_failure import Likeness, Room, Waiting

GATHER_MS, QUIET_MS = 60_000, 3_600_000
STALE_MS = 86_400_000  # what is due for so long was left behind by a server that does not tell of failures any more
MEMO = "failure"
_ROOM = Room(MOST, MOST_OF_SOURCE, MOST_OF_DOMAIN)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Failure).decode


def store_failures(tx: Transaction, failures: Sequence[Failure]) -> None:
    """Bring what a process has set aside to what waits. Nodes do so in one order, and never wait in a circle."""
    waiting_failure.drop_before(tx.db, tx.now_ms - STALE_MS)
    for failure in sorted(failures, key=likeness_of):
        like = likeness_of(failure)
        if waiting_failure.add(tx.db, like, failure.incidents):
            continue
        due_at = max(failure.arrived_at * 1000 + GATHER_MS, _quiet_until(tx, like))
        body = _encode(msgspec.structs.replace(failure, incidents=1)).decode()
        if not waiting_failure.keep(tx.db, Waiting(*like, due_at, failure.incidents, body), _ROOM):
            observed.FAILURE_REPORTS.count("no_room")


def due_failures(view: Snapshot, most: int) -> list[Failure]:
    """Failures whose time has come."""
    since, until = view.now_ms - STALE_MS, view.now_ms
    return [failure_in(one) for one in waiting_failure.found(view.db, most, since=since, until=until)]


def failure_in(waiting: Waiting) -> Failure:
    """The failure, with how often it came."""
    return msgspec.structs.replace(_decode(waiting.body), incidents=waiting.incidents)


def end(tx: Transaction, failure: Failure) -> bool:
    """Tell of it, or not, for the last time; whether it still waited: if not, somebody else has ended it."""
    return waiting_failure.drop(tx.db, likeness_of(failure))


def note_told(tx: Transaction, like: Likeness) -> None:
    """Have what is alike wait for an hour: it was told, or nobody who may have it wants it."""
    until = tx.now_ms + QUIET_MS
    tx.keep_memo(DIRECTORY, MEMO, _name(like), str(until), until)


def was_told(view: View, like: Likeness) -> bool:
    """Whether somebody has seen to its like within an hour."""
    return view.recall(DIRECTORY, MEMO, _name(like)) is not None


def _quiet_until(view: View, like: Likeness) -> int:
    # Servers before this one have kept these memos without a value.
    return int(view.recall(DIRECTORY, MEMO, _name(like)) or 0)


def _name(like: Likeness) -> str:
    return f"like {hashlib.sha256(' '.join(like).encode()).hexdigest()}"
