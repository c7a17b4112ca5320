"""What the bridge, the feed and the loop let be seen of themselves: events of the log, numbers for /metrics."""

from __future__ import annotations

import logging

from pillarbox.core.event import Event
from pillarbox.core.metric import Counter, Gauge, Histogram

_WRITERS = (1, 2, 4, 8, 16, 32, 64, 128)

STORE_UNWRITABLE = Event("store.unwritable", logging.ERROR, "the store cannot be written", per_minute=30)
COMMIT_FAILED = Event("store.commit_failed", logging.ERROR, "a commit failed", "writers", per_minute=30)
SYNC_FAILED = Event(
    "store.sync_failed", logging.CRITICAL, "the disk did not take what was written, and the process ends"
)
CHECKPOINT_FAILED = Event(
    "store.checkpoint_failed",
    logging.ERROR,
    "the log could not be moved into the database, and grows until it can",
    per_minute=6,
)
WRITE_LOST = Event(
    "store.write_refused", logging.ERROR, "what was to be written was not, and the client is told so", per_minute=600
)
NOT_READY = Event("health.not_ready", logging.WARNING, "the store failed a check", "check", per_minute=10)
RECHECK_FAILED = Event(
    "login.not_rechecked", logging.ERROR, "whether a login still holds could not be looked at", per_minute=10
)

NOTE_LOST = Event(
    "notify.not_sent",
    logging.WARNING,
    "other nodes were not told of a change, they see it when they look",
    per_minute=10,
)
NOT_LISTENING = Event(
    "notify.not_listening", logging.WARNING, "the connection that listens to other nodes broke", per_minute=10
)

READS_MOVED = Counter(
    "pillarbox_reads_moved_total", "Reads that ran in the pool instead of on the loop.", why=("slow", "budget")
)
POOL_SECONDS = Histogram("pillarbox_pool_seconds", "How long work ran in the pool: reads, passwords, large messages.")
POOL_WAIT_SECONDS = Histogram("pillarbox_pool_wait_seconds", "How long work waited for a thread of the pool.")
WRITER_WAIT_SECONDS = Histogram("pillarbox_writer_wait_seconds", "How long write bodies waited for their turn.")
WRITE_SECONDS = Histogram("pillarbox_write_seconds", "How long write bodies ran, without the commit.")
COMMIT_SECONDS = Histogram("pillarbox_commit_seconds", "How long commits took, without the sync of the disk.")
SYNC_SECONDS = Histogram("pillarbox_sync_seconds", "How long the disk took to make commits durable.")
COMMIT_WRITERS = Histogram("pillarbox_commit_writers", "How many write bodies shared a commit.", bounds=_WRITERS)
COMMITS_FAILED = Counter("pillarbox_commits_failed_total", "Commits that failed; nothing of them was kept.")
CHANGES = Counter("pillarbox_changes_total", "Accounts that commits of this server changed, one for each commit.")
FEED_DELIVERIES = Counter("pillarbox_feed_deliveries_total", "Changes handed to those who listen for them.")
FEED_SUBSCRIPTIONS = Gauge("pillarbox_feed_subscriptions", "How many listen for changes, one for each account.")
LOOP_LAG_SECONDS = Histogram("pillarbox_loop_lag_seconds", "How late the event loop woke up, measured each second.")
POOL_QUEUE = Gauge("pillarbox_pool_queue", "Work that waits for a thread of the pool.")
MEMORY = Gauge("pillarbox_process_resident_octets", "Memory of all processes; what they share counts in each.")
CACHE_OCTETS = Gauge(
    "pillarbox_cache_octets",
    "What all processes remember, in octets, by what it is of; `cache_octets` bounds the sum.",
    memory=(
        *("images", "totals", "ledgers", "sheets", "concordances", "searches", "orders", "threads", "names"),
        *("queries", "records"),
    ),
)
WORKERS = Gauge("pillarbox_workers", "Processes that serve.")
WORKER_RESTARTS = Counter("pillarbox_worker_restarts_total", "Workers that died and were replaced.")
CONNECTIONS_FULL = Event(
    "net.full", logging.ERROR, "no more connections can be taken, and they wait", "reason", per_minute=6
)
PROXY_REFUSED = Event(
    "net.proxy_refused", logging.WARNING, "a proxy did not say for whom it speaks", "why", per_minute=10
)
OPEN_FAILED = Event("net.open_failed", logging.ERROR, "a connection could not be opened", per_minute=30)
NOTE_LOST = Event("net.note_lost", logging.WARNING, "a process could not be told of a change", "reason", per_minute=6)

CERTIFICATE_LOADED = Event("tls.loaded", logging.INFO, "a new certificate is in use", "certificate", "until")
CERTIFICATE_REFUSED = Event(
    "tls.refused", logging.ERROR, "a new certificate cannot be used, and the old one stays", "certificate", "reason"
)
CERTIFICATE_EXPIRED = Event("tls.expired", logging.ERROR, "a certificate has expired", "certificate", "since")
CERTIFICATE_EXPIRES = Event("tls.expires", logging.WARNING, "a certificate expires soon", "certificate", "days")
CERTIFICATE_EARLY = Event("tls.early", logging.WARNING, "a certificate is not valid yet", "certificate", "until")
HANDSHAKE_FAILED = Event(
    "tls.handshake_failed",
    logging.INFO,
    "a client did not finish its handshake",
    "protocol",
    "why",
    "address",
    per_minute=10,
)
HANDSHAKES = Counter(
    "pillarbox_tls_handshakes_total",
    "TLS handshakes, and how they ended.",
    protocol=("http/1.1", "imap", "pop3", "managesieve"),
    end=("done", "failed", "late", "gone", "crowded", "no_tls", "foreign_protocol"),
)
HANDSHAKE_SECONDS = Histogram(
    "pillarbox_tls_handshake_seconds", "How long handshakes took that were done, from the accepted connection on."
)
