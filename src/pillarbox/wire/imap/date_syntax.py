"""Dates of searches, and the times that messages are appended with (RFC 9051 §9, date and date-time)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone

from pillarbox.wire.imap.refusal import Refused
from pillarbox.wire.imap.scanner import Scanner

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE_TEXT = r"([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})"
_DATE = re.compile(rf'("?){_DATE_TEXT}\1')
# date-day-fixed has two characters; one digit alone is forgiven.
_DATE_TIME = re.compile(rf'" ?{_DATE_TEXT} ([0-9]{{2}}):([0-9]{{2}}):([0-9]{{2}}) ([+-])([0-9]{{2}})([0-9]{{2}})"')


def day(scanner: Scanner) -> date:
    """A day, with or without quotes."""
    match = scanner.match(_DATE, "a date such as 1-Feb-2030")
    try:
        return date(int(match[4]), _month(match[3]), int(match[2]))
    except ValueError:
        raise Refused("There is no such date") from None


def date_time(scanner: Scanner) -> datetime:
    """A time with its zone, in quotes; one that falls into a year of four digits in UTC, too, where it is told."""
    match = scanner.match(_DATE_TIME, 'a time such as " 1-Feb-2030 12:00:00 +0100"')
    offset = timedelta(hours=int(match[8]), minutes=int(match[9]))
    seconds = 59 if match[6] == "60" else int(match[6])  # a leap second is told as the one before
    try:
        return datetime(
            int(match[3]),
            _month(match[2]),
            int(match[1]),
            int(match[4]),
            int(match[5]),
            seconds,
            tzinfo=timezone(-offset if match[7] == "-" else offset),
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused("There is no such time") from None


def _month(name: str) -> int:
    return _MONTHS.index(name.lower()) + 1
