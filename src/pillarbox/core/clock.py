"""The time as it is handed to everything that needs it, and its one spelling on the wire (RFC 8620 §1.4)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH, _MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
_YEAR_10000 = 253_402_300_800_000  # in milliseconds since 1970


class Clock(Protocol):
    """Tells the time in milliseconds since 1970-01-01T00:00:00Z."""

    def now_ms(self) -> int: ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


def utc_date(ms: int) -> str:
    """A UTCDate for a time in milliseconds, without a fraction, e.g. 2014-10-30T06:12:00Z (RFC 8620 §1.4)."""
    return datetime.fromtimestamp(max(ms, 0) // 1000, UTC).isoformat().removesuffix("+00:00") + "Z"


def from_date(text: str) -> int | None:
    """Milliseconds for a Date or UTCDate; None when the text is no such date (RFC 8620 §1.4).

    None as well for what is after the year 9999 in UTC, which has no UTCDate.
    """
    if len(text) < 20 or text[10] != "T" or not (text[-1] == "Z" or text[-6] in "+-"):
        return None
    try:
        ms = (datetime.fromisoformat(text) - _EPOCH) // _MS
    except ValueError:
        return None
    return ms if ms < _YEAR_10000 else None


def is_utc_date(text: str) -> bool:
    """Whether the text is a UTCDate: a Date in UTC written with Z (RFC 8620 §1.4)."""
    return text.endswith("Z") and from_date(text) is not None
