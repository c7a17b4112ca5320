"""What strangers write in reports, cut to what a record holds: short, printable, bounded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pillarbox.core.clock import from_date, utc_date
from pillarbox.formats.mailauth.domain import to_ascii

_TEXT = 255
_LIST = 10
_MOST_COUNT = 10**12


def key(*words: str) -> str:
    """Who proved to send it, who says so, its id and what it is about: nobody can be there first in another's name."""
    return hashlib.sha256("\0".join(words).encode("utf-8", "replace")).hexdigest()


def domain_name(name: str) -> str:
    """A domain as the directory spells it; "" if it is none."""
    return to_ascii(name.strip().rstrip(".").lower()) or ""


def text(words: str) -> str:
    """A line."""
    return "".join(sign for sign in words[:_TEXT] if sign.isprintable())


def texts(lines: Sequence[str]) -> list[str]:
    """Some lines, each once."""
    return list(dict.fromkeys(text(line) for line in lines[:_LIST]))


def count(number: int) -> int:
    """A number that can be added up."""
    return min(max(number, 0), _MOST_COUNT)


def seconds(number: int) -> str:
    """A UTCDate of seconds since 1970; "" if there is none."""
    return utc_date(number * 1000) if 0 <= number < 2**33 else ""


def date(words: str) -> str:
    """A UTCDate of a date that may be none."""
    ms = from_date(words.strip())
    return utc_date(ms) if ms is not None else ""
