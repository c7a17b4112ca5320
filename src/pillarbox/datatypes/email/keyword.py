"""Keywords: their syntax, their one spelling, and those that the server sets (RFC 8621 §4.1.1, RFC 9979)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pillarbox.core.faults import Fault, Kind, invalid

# RFC 8621 §4.1.1: 1 to 255 characters of %x21-%x7e without ( ) { ] % * " \
_KEYWORD = re.compile(r"[!#$&'+-\[^-z|}~]{1,255}\Z")


def is_keyword(text: str) -> bool:
    """Whether the text may be a keyword, in whatever case."""
    return _KEYWORD.match(text) is not None


def checked_keywords(keywords: Mapping[str, bool], limit: int) -> dict[str, bool]:
    """The keywords in lower case, as the RFC wants them returned.

    Raises invalidProperties, or tooManyKeywords past the limit.
    """
    out = {}
    for keyword, value in keywords.items():
        if value is not True or not _KEYWORD.match(keyword):
            raise invalid("keywords", f"{keyword!r} is not a keyword that is true")
        out[keyword.lower()] = True
    check_count(len(out), limit)
    return out


def check_count(count: int, limit: int) -> None:
    """Raises tooManyKeywords for an email with more than the limit."""
    if count > limit:
        raise Fault(Kind.TOO_MANY_KEYWORDS, f"an email has at most {limit} keywords")
