"""What methods let be seen of themselves: events of the log, numbers for /metrics. The registry declares the names."""

from __future__ import annotations

import logging

from pillarbox.core.event import Event
from pillarbox.core.faults import Kind
from pillarbox.core.metric import Counter, Histogram

METHOD_FAILED = Event("jmap.failed", logging.ERROR, "a method met an error of the server", "method")
RECORD_FAILED = Event("jmap.record_failed", logging.ERROR, "one record met an error of the server", "method", "act")

METHOD_SECONDS = Histogram("pillarbox_jmap_method_seconds", "How long single methods ran.", method=())
ERRORS = Counter("pillarbox_jmap_errors_total", "Methods that ended in an error.", kind=(k.name.lower() for k in Kind))
KIND = {kind: kind.name.lower() for kind in Kind}
