"""What the server as a whole lets be seen of itself: events of the log."""

from __future__ import annotations

import logging

from pillarbox.core.event import Event

READY = Event("server.ready", logging.INFO, "ready to answer", "processes")
STOPPING = Event("server.stopping", logging.INFO, "stopping")
RELOADED = Event("server.reloaded", logging.INFO, "the new settings hold")
RELOAD_REFUSED = Event(
    "server.reload_refused", logging.ERROR, "the new settings cannot be used, and the old ones stay", "mistakes"
)
RELOAD_FAILED = Event("server.reload_failed", logging.ERROR, "the new settings do not work, and the old ones stay")
NEEDS_RESTART = Event(
    "server.needs_restart", logging.WARNING, "a setting has another value, which takes a restart", "setting"
)
NO_PROCESS = Event("server.no_process", logging.ERROR, "no process can be made, and it is tried again", "reason")
WORKER_READY = Event("process.ready", logging.INFO, "a worker answers")
WORKER_STOPPING = Event("process.stopping", logging.INFO, "a worker finishes what is under way, and ends")
WORKER_DIED = Event("process.died", logging.ERROR, "a worker died, and another takes its place", "worker", "how")
WORKER_UNREADY = Event("process.unready", logging.ERROR, "a worker died before it was ready", "worker", "how")
WORKER_LATE = Event("process.late", logging.ERROR, "a worker did not end in time, and is killed", "worker")
WORKER_FAILED = Event("process.failed", logging.ERROR, "a worker failed")
BEGIN_ANEW = Event("server.begin_anew", logging.CRITICAL, "the disk refused a commit, and all workers begin anew")
WORKER_ORPHANED = Event("process.orphaned", logging.ERROR, "the supervisor is gone, and so a worker ends")
