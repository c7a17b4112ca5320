"""What the workers let be seen: events of the log, numbers for /metrics. Each round of one has an id of its own."""

from __future__ import annotations

import logging

from pillarbox.core.event import Event
from pillarbox.core.ids import IdSource
from pillarbox.core.metric import Gauge, Registry
from pillarbox.core.operation import Operation, become

FAILED = Event("worker.failed", logging.ERROR, "work failed, and is tried again later", "work", per_minute=30)
FILES_SWEPT = Event("worker.files_swept", logging.INFO, "files that no blob is in are deleted", "files")
ACCOUNT_PURGED = Event(
    "worker.account_purged", logging.INFO, "the data of a removed account is deleted", "login", "account"
)
CHANGES_FORGOTTEN = Event(
    "worker.changes_forgotten", logging.INFO, "what was destroyed long ago is no longer told by changes", "types"
)
PARTS_ORDERED = Event("worker.parts_ordered", logging.INFO, "parts of older messages are kept in order now", "steps")
DKIM_KEYS_MADE = Event("dkim.keys_made", logging.INFO, "a domain has new keys to sign with", "domain", "keys")
DKIM_KEY_SIGNS = Event("dkim.key_signs", logging.INFO, "a key signs from now on", "name")
DKIM_KEY_UNSEEN = Event(
    "dkim.key_unseen",
    logging.WARNING,
    "a key waits to sign, for its record is not published",
    "name",
    per_minute=30,
)
REPORT_SENT = Event("report.sent", logging.INFO, "a report about a day is queued", "kind", "domain", "addresses")
REPORT_NOT_POSTED = Event(
    "report.not_posted", logging.INFO, "a server did not take a report that was posted", "url", "why", per_minute=30
)
FAILURES_REPORTED = Event(
    "report.failures_sent", logging.INFO, "reports about messages that failed are queued", "reports"
)
REPORTS_KEPT = Event("report.kept", logging.INFO, "reports of other servers came", "reports")
PUSH_FAILED = Event(
    "push.failed",
    logging.DEBUG,
    "a push service did not take a message",
    "account",
    "subscription",
    "reason",
)
PUSH_ENDED = Event(
    "push.ended",
    logging.INFO,
    "a push subscription is destroyed, since its push service takes nothing more",
    "account",
    "subscription",
    "reason",
)


def begin(worker: str, ids: IdSource) -> None:
    """What the current task does from now on is another round of a worker."""
    become(Operation(worker, ids.new("w")))


# What there is once for all processes is looked at when somebody asks, by whoever is asked.
ONCE = Registry()
OUTBOX = Gauge("pillarbox_outbox_entries", "Work that waits in the outbox.", registry=ONCE)
STORE_OCTETS = Gauge("pillarbox_store_octets", "The embedded store's files.", registry=ONCE, file=("database", "log"))
CERTIFICATE_DAYS = Gauge(
    "pillarbox_tls_certificate_days", "For how many days a certificate is good.", registry=ONCE, certificate=()
)
DISK_FREE = Gauge("pillarbox_disk_free_octets", "What is free on the disk of the data directory.", registry=ONCE)
STS_FAILED = Event(
    "sts.not_fetched", logging.INFO, "an announced policy for mail could not be had", "domain", "why", per_minute=30
)
