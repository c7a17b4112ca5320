"""The log as it would be written, for tests that look into it."""

import logging
from typing import Any, Self

import msgspec

from pillarbox.app.logs import JsonFormatter, TextFormatter


class Lines(logging.Handler):
    """Keeps what is logged, as JSON and as text."""

    def __init__(self) -> None:
        super().__init__()
        self.json: list[str] = []
        self.text: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.json.append(JsonFormatter().format(record))
        self.text.append(TextFormatter().format(record))

    def of(self, event: str) -> list[dict[str, Any]]:
        """The lines of an event."""
        return [line for line in self.all() if line["event"] == event]

    def all(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(line) for line in self.json]

    def __enter__(self) -> Self:
        root = logging.getLogger()
        self._level = root.level
        root.setLevel(logging.INFO)
        root.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        root = logging.getLogger()
        root.removeHandler(self)
        root.setLevel(self._level)
