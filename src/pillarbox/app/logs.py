"""The log on standard error: lines for people, or one JSON object a line.

Every line carries the id of the operation it is about. Nothing from outside can begin a line or look like another
field: control characters are escaped, and values that are not plain words stand in quotes.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from traceback import format_tb
from typing import Any

import msgspec

from pillarbox.app.config.settings import Log
from pillarbox.core import slow
from pillarbox.core.operation import current

_PLAIN = re.compile(r"[A-Za-z0-9_.:@/+*-]{1,200}\Z")
# Control characters, line separators, what changes the direction of text, half characters.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_LONGEST = 8_000  # characters of a value
_MOST_ERRORS = 5  # of a chain of exceptions
# The messages of these hold the value that was wrong, and that may be a part of somebody's mail.
_TELLTALE = (ValueError, KeyError, IndexError)


def entry(record: logging.LogRecord) -> dict[str, Any]:
    """A record's fields in their order. The address stands before all that a client may have chosen."""
    values: Mapping[str, Any] = getattr(record, "values", {})
    out: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(record.msecs):03}Z",
        "level": record.levelname.lower(),
        "event": getattr(record, "event", record.name),
    }
    operation = getattr(record, "operation", None) or current()
    about: dict[str, Any] = {}
    if operation is not None:
        about = {name: value for name in _ABOUT if (value := getattr(operation, name))}
    theirs = about.pop("address", "")
    if address := values.get("address") or theirs:
        out["address"] = address
    out["message"] = record.getMessage()
    out |= {**about, **{name: value for name, value in values.items() if value not in (None, "") and name != "address"}}
    out["pid"] = record.process
    if record.exc_info and record.exc_info[1] is not None:
        out["exception"] = "\n".join(_told(record.exc_info[1]))
    return out


_ABOUT = ("id", "protocol", "address", "account", "login")


def _told(error: BaseException) -> Iterator[str]:
    """An exception with what led to it, the last one first, and without values that may be somebody's."""
    at: BaseException | None = error
    for _ in range(_MOST_ERRORS):
        if at is None:
            return
        words = "" if isinstance(at, _TELLTALE) else str(at)
        yield f"{type(at).__name__}: {words}" if words else type(at).__name__
        yield from (line.rstrip("\n") for line in format_tb(at.__traceback__))
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)


class JsonFormatter(logging.Formatter):
    """One JSON object for each record."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {name: _cut(value) for name, value in entry(record).items()}
        text = msgspec.json.encode(fields, enc_hook=str).decode()
        return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


class TextFormatter(logging.Formatter):
    """A line for people: time, level, event, sentence, and the fields as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        fields = entry(record)
        exception = fields.pop("exception", "")
        head = f"{fields.pop('time')} {fields.pop('level').upper():<7} {fields.pop('event')}:"
        address = [f"address={_shown(fields.pop('address'))}"] if "address" in fields else []
        message = _UNSAFE.sub(_escaped, _cut(fields.pop("message")))
        line = "  ".join([f"{head} {message}", " ".join([*address, *(f"{k}={_shown(v)}" for k, v in fields.items())])])
        more = [f"    {_UNSAFE.sub(_escaped, _cut(line))}" for line in exception.split("\n") if line]
        return "\n".join([line, *more])


def _cut(value: Any) -> Any:
    """A value of a bounded length that can be written as UTF-8."""
    if not isinstance(value, str):
        return value
    value = value if len(value) <= _LONGEST else value[:_LONGEST] + "..."
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()


def _shown(value: Any) -> str:
    text = _cut(value) if isinstance(value, str) else str(msgspec.json.encode(value, enc_hook=str), "utf-8")
    if isinstance(value, str) and not _PLAIN.match(text):
        text = msgspec.json.encode(text).decode()
    return _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def set_up(log: Log) -> None:
    """Send the log to standard error from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log.format == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(log.level.upper())
    slow.tell_from(log.slow_ms)
