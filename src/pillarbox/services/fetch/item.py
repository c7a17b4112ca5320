"""What FETCH tells of a message (RFC 9051 §7.5.2), as the store has it: keywords for flags, a time for INTERNALDATE."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from pillarbox.formats.archive.keyword import to_keywords
from pillarbox.formats.archive.mailbox_name import from_modified_utf7
from pillarbox.wire.imap_client.response import Response
from pillarbox.wire.imap_client.value import Value, number_of, octets_of, text_of

_DATE = re.compile(r" ?(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\Z")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(slots=True)
class Item:
    """A message of the source; what was not asked for, or not told, is None."""

    uid: int
    keywords: frozenset[str] | None = None
    is_deleted: bool = False
    size: int | None = None
    received_at: datetime | None = None
    labels: tuple[str, ...] | None = None  # Gmail's
    data: bytes | None = None

    @property
    def words(self) -> str:
        """The keywords in one spelling."""
        return " ".join(sorted(self.keywords or ()))


def read_item(response: Response) -> Item | None:
    """The message of a FETCH response; None when it is another response or does not say which message it is about."""
    if response.name != "FETCH" or not response.values or not isinstance(response.values[0], list):
        return None
    pairs = response.values[0]
    told = {text_of(octets_of(name)).upper(): value for name, value in zip(pairs[::2], pairs[1::2], strict=False)}
    if "UID" not in told:
        return None
    item = Item(number_of(told["UID"]))
    if isinstance(flags := told.get("FLAGS"), list):
        words = [text_of(octets_of(flag)) for flag in flags]
        item.keywords = to_keywords(words)
        item.is_deleted = any(word.lower() == r"\deleted" for word in words)
    if "RFC822.SIZE" in told:
        item.size = number_of(told["RFC822.SIZE"])
    item.received_at = read_date(octets_of(told.get("INTERNALDATE")).decode("ascii", "replace"))
    if isinstance(labels := told.get("X-GM-LABELS"), list):
        item.labels = tuple(sorted(_label(label) for label in labels))
    if isinstance(data := told.get("BODY[]"), bytes):
        item.data = data
    return item


def _label(value: Value) -> str:
    octets = octets_of(value)
    try:
        return from_modified_utf7(octets.decode("ascii"))
    except UnicodeDecodeError:
        return octets.decode("utf-8", "replace")


def read_date(text: str) -> datetime | None:
    """A date-time of RFC 9051 §9; None when it is none."""
    found = _DATE.match(text)
    if found is None or found[2].lower() not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(found[i]) for i in (1, 3, 4, 5, 6))
    offset = timedelta(hours=int(found[8]), minutes=int(found[9])) * (-1 if found[7] == "-" else 1)
    try:
        month = _MONTHS.index(found[2].lower()) + 1
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone(offset))
    except ValueError:
        return None
