"""The From_ line that separates the messages of an mbox.

RFC 4155 §A (default format), and the dates that Thunderbird, Google Takeout, Pipermail and UUCP-age mailers
write.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

MAX_FROM_LINE_OCTETS = 512

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ZONE_HOURS = {
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "CET": 1,
    "CEST": 2,
}

_DAY = f"(?:{'|'.join(_DAYS)})"
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?"
_ZONE = r"(?:[+-]\d{4}|[A-Z]{1,5})"
_TAIL = r"(?:[ ]+remote[ ]from[ ][^\r\n]{1,200})?[ \t]*\r?\n?\Z"
_ASCTIME = re.compile(
    rf"[ ]{_DAY}[ ]+{_MONTH}[ ]+(?P<day>\d{{1,2}})[ ]+{_TIME}(?:[ ]+(?P<zone>{_ZONE}))?[ ]+(?P<year>\d{{4}})"
    rf"(?:[ ]+(?P<zone_after>{_ZONE}))?{_TAIL}"
)
_RFC_822 = re.compile(
    rf"[ ]{_DAY},[ ]+(?P<day>\d{{1,2}})[ ]{_MONTH}[ ](?P<year>\d{{4}})[ ]{_TIME}[ ]+(?P<zone>{_ZONE})"
    rf"(?P<zone_after>){_TAIL}"
)


def parse_from_line(line: bytes) -> datetime | None:
    """Return the time in a From_ line, in UTC, or None if the line is not a plausible separator.

    A time without a zone is taken as UTC (RFC 4155 §A).
    """
    if not line.startswith(b"From ") or len(line) > MAX_FROM_LINE_OCTETS:
        return None
    text = line.decode("latin-1")
    found = _ASCTIME.search(text, 4) or _RFC_822.search(text, 4)
    return None if found is None else _moment(found)


def _moment(found: re.Match[str]) -> datetime | None:
    year = int(found["year"])
    if not 1970 <= year <= 2200:
        return None
    zone = timezone(_offset(found["zone"] or found["zone_after"] or "+0000"))
    try:
        local = datetime(
            year,
            _MONTHS.index(found["month"]) + 1,
            int(found["day"]),
            int(found["hour"]),
            int(found["minute"]),
            min(int(found["second"] or 0), 59),  # a leap second is no reason to lose a boundary
            tzinfo=zone,
        )
    except ValueError:
        return None
    return local.astimezone(UTC)


def _offset(zone: str) -> timedelta:
    if zone[0] not in "+-":
        return timedelta(hours=_ZONE_HOURS.get(zone, 0))
    minutes = int(zone[1:3]) * 60 + int(zone[3:5])
    if minutes >= 24 * 60:
        return timedelta()
    return timedelta(minutes=-minutes if zone[0] == "-" else minutes)


def from_line_to_bytes(received_at: datetime, sender: str = "MAILER-DAEMON") -> bytes:
    """Write a From_ line with an LF, the time in UTC as asctime does (RFC 4155 §A)."""
    at = received_at.astimezone(UTC)
    date = f"{_DAYS[at.weekday()]} {_MONTHS[at.month - 1]} {at.day:2} {at:%H:%M:%S} {at.year:04}"
    return f"From {sender} {date}\n".encode("ascii", "replace")
