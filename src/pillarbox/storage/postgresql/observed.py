"""What the store on PostgreSQL lets be seen of itself."""

from __future__ import annotations

import logging

from pillarbox.core.event import Event
from pillarbox.core.metric import Counter

UNUSABLE = Event("postgresql.unusable", logging.ERROR, "the database could not do what it was asked to", per_minute=30)
GIVEN_UP = Event(
    "postgresql.given_up", logging.ERROR, "a transaction was given up after many attempts", "attempts", per_minute=30
)
COMMIT_UNKNOWN = Event(
    "postgresql.commit_unknown", logging.ERROR, "the connection broke in a commit, and nobody knows whether it was made"
)
REPEATED = Counter(
    "pillarbox_transactions_repeated_total",
    "Transactions that were run again.",
    why=("collision", "connection"),
)
