"""What the server as a whole lets be seen of itself: events of the log."""

from __future__ import annotations

import logging

from pillarbox.core.event import Event

READY = Event("server.ready", logging.INFO, "ready to answer")
STOPPING = Event("server.stopping", logging.INFO, "stopping")
