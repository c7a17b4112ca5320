"""What the log may say: each line is an event that is declared once, with a stable name, a sentence and its fields.

A sentence never holds values; they are fields, so that nothing from outside can look like the program's own words.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from pillarbox.core.operation import current

EVENTS: dict[str, Event] = {}
_MINUTE = 60.0
_OWN = frozenset({"time", "level", "event", "message", "pid", "exception"})  # what each line says by itself


class Event:
    """One kind of line. With `per_minute` further ones are only counted, and the next line tells how many."""

    def __init__(self, name: str, level: int, says: str, *fields: str, per_minute: int = 0) -> None:
        self.name, self.level, self.says, self.fields = name, level, says, fields
        self.per_minute = per_minute
        self._logger = logging.getLogger("pillarbox." + name.rpartition(".")[0])
        self._lock = threading.Lock()
        self._since, self._lines, self._suppressed = 0.0, 0, 0
        if taken := _OWN.intersection(fields):
            raise ValueError(f"each line has a field {min(taken)} of its own")
        if name in EVENTS:
            raise ValueError(f"there are two events {name}")
        EVENTS[name] = self

    def log(self, error: BaseException | None = None, **values: Any) -> None:
        """Write a line. Values are names, numbers and reasons: never passwords, queries, subjects or bodies."""
        if not self._logger.isEnabledFor(self.level):
            return
        if self.per_minute:
            suppressed = self._admit(time.monotonic())
            if suppressed < 0:
                return
            if suppressed:
                values["suppressed"] = suppressed
        told = (type(error), error, error.__traceback__) if error is not None else None
        # Made here, since the logger would search the stack for a line number that nobody writes.
        record = logging.LogRecord(self._logger.name, self.level, "", 0, self.says, None, told)
        record.__dict__.update(event=self.name, values=values, operation=current())
        self._logger.handle(record)

    def _admit(self, now: float) -> int:
        """How many lines were left out before this one; -1 when this one is left out as well."""
        with self._lock:
            if now - self._since >= _MINUTE:
                self._since, self._lines = now, 0
            self._lines += 1
            if self._lines > self.per_minute:
                self._suppressed += 1
                return -1
            suppressed, self._suppressed = self._suppressed, 0
            return suppressed
