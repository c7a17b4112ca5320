"""Dates of header fields, those of the seventies included.

RFC 5322 §3.3 and §4.3, RFC 3339 §5.6, RFC 8620 §1.4, RFC 8621 §4.1.2.6.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

from pillarbox.formats.message import comment

_MONTHS = {name: number for number, name in enumerate(("jan feb mar apr may jun jul aug sep oct nov dec").split(), 1)}
# RFC 5322 §4.3: names of zones; the military letters were defined wrongly and count as -0000, like unknown ones.
_ZONES = {"EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480, "PDT": -420}
_DATE = re.compile(
    r"\s*(?:[A-Za-z]{2,9}\.?\s*,?\s*)?"
    r"(\d{1,2})[\s\-]{1,4}([A-Za-z]{3})[A-Za-z]{0,6}\.?,?[\s\-]{1,4}(\d{2,5})\s{1,4}"
    r"(\d{1,2})\s{0,9}[:.]\s{0,9}(\d{1,2})(?:\s{0,9}[:.]\s{0,9}(\d{1,2}))?(?:\.\d{1,9})?"
    r"\s{0,9}(?:(?:UTC|GMT)?([+\-]{1,2})\s?(\d{2}):?(\d{2})|([A-Za-z]{1,5}))?"
)
# asctime: "Thu Aug 22 12:36:23 2002"
_ASCTIME = re.compile(
    r"\s*[A-Za-z]{3},?\s{1,4}([A-Za-z]{3})\s{1,4}(\d{1,2}),?\s{1,4}(\d{1,2}):(\d{2})(?::(\d{2}))?\s{1,4}"
    r"(?:([A-Za-z]{1,5})\s{1,4})?(\d{4})(?:\s{1,4}([+\-])(\d{2})(\d{2}))?"
)
_MAX_LENGTH = 1000


def parse_date(text: str) -> datetime | None:
    """The moment that a date-time names, with its offset; None if it is none.

    Comments and a missing day of week, seconds or zone are borne. A leap second is shown as second 59.
    """
    text = text[:_MAX_LENGTH]
    if "(" in text:
        text = comment.remove_comments(text)
    text = comment.unfold(text)
    if match := _DATE.match(text):
        day, month, year, hour, minute, second, sign, zone_hours, zone_minutes, zone = match.groups()
    elif match := _ASCTIME.match(text):
        month, day, hour, minute, second, zone, year, sign, zone_hours, zone_minutes = match.groups()
    else:
        return None
    offset = _offset(sign, zone_hours, zone_minutes, zone)
    number = _MONTHS.get(month.lower())
    if number is None:
        return None
    try:
        seconds = min(int(second or 0), 59) if int(second or 0) <= 60 else 60
        return datetime(_year(year), number, int(day), int(hour), int(minute), seconds, tzinfo=_timezone(offset))
    except (ValueError, OverflowError):
        return None


def date_to_rfc3339(moment: datetime) -> str:
    """The moment in RFC 3339 with its own offset, "Z" where that is zero (RFC 8620 §1.4, Date)."""
    text = moment.isoformat(timespec="seconds")
    return text if moment.utcoffset() else text[:-6] + "Z"


def date_to_utc(moment: datetime) -> str | None:
    """The moment in UTC as RFC 8620 §1.4 spells a UTCDate; None past the ends of the calendar."""
    try:
        return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
    except OverflowError:
        return None


def _year(digits: str) -> int:
    """RFC 5322 §4.3: two digits 00 to 49 are 2000 to 2049, other two and three digits are added to 1900."""
    year = int(digits)
    if len(digits) == 2 and year < 50:
        return year + 2000
    return year + 1900 if len(digits) < 4 else year


def _offset(sign: str | None, hours: str | None, minutes: str | None, zone: str | None) -> int:
    """Minutes east of Greenwich; 0 for a zone that is unknown or cannot be (RFC 5322 §4.3: as -0000)."""
    if sign and hours and minutes:
        if int(hours) > 23 or int(minutes) > 59:
            return 0
        amount = int(hours) * 60 + int(minutes)
        return -amount if "-" in sign else amount
    return _ZONES.get((zone or "").upper(), 0)


def _timezone(offset: int) -> timezone:
    return UTC if offset == 0 else timezone(timedelta(minutes=offset))
