"""Sets of numbers, and lists in parentheses.

Sections: RFC 9051 §9 (sequence-set, flag-list); RFC 5182 §2.1; RFC 9394 §4.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from pillarbox.wire.imap.message_command import Partial
from pillarbox.wire.imap.refusal import Refused
from pillarbox.wire.imap.scanner import ATOM_CHARS, MAX_NUMBER, Scanner
from pillarbox.wire.imap.sequence_set import STAR, SequenceSet

MOST_ITEMS = 1000
_T = TypeVar("_T")
_NUMBER = r"(?:[1-9][0-9]{0,9}|\*)"
_RANGE = rf"{_NUMBER}(?::{_NUMBER})?"
_SET = re.compile(rf"\$|{_RANGE}(?:,{_RANGE})*")
_FLAG = re.compile(rf"\\?[{ATOM_CHARS}]+")
_PARTIAL = re.compile(r"(-?)([1-9][0-9]{0,9}):(-?)([1-9][0-9]{0,9})")
_SAVED = SequenceSet(is_saved=True)


def sequence_set(scanner: Scanner) -> SequenceSet:
    """Numbers and ranges, in which `*` is STAR, or `$`, what the last search saved."""
    text = scanner.match(_SET, "a set of numbers")[0]
    if text == "$":
        return _SAVED
    return SequenceSet(tuple([_range(part) for part in text.split(",")]))


def known_set(scanner: Scanner) -> SequenceSet:
    """A set in which RFC 7162 §7 allows neither `*` nor `$`."""
    numbers = sequence_set(scanner)
    if numbers.is_saved or any(STAR in pair for pair in numbers.ranges):
        raise Refused("This set has numbers only")
    return numbers


def sequence_number(scanner: Scanner) -> int:
    """One number, or STAR."""
    return STAR if scanner.has("*") else scanner.number(1)


def partial(scanner: Scanner) -> Partial:
    """A range of results as it was written, `1:500` from the oldest or `-1:-500` from the newest."""
    match = scanner.match(_PARTIAL, "a range of results")
    if match[1] != match[3]:
        raise Refused("Both ends of a range count from the same end")
    first, last = int(match[2]), int(match[4])
    if max(first, last) > MAX_NUMBER:
        raise Refused("A number is out of bounds")
    return Partial(-first, -last) if match[1] else Partial(first, last)


def flag(scanner: Scanner) -> str:
    r"""A flag or keyword as it is written, such as `\Seen`."""
    return scanner.match(_FLAG, "a flag")[0]


def flag_list(scanner: Scanner) -> tuple[str, ...]:
    """Flags in parentheses; there may be none."""
    return listed(scanner, flag, may_be_empty=True)


def listed(
    scanner: Scanner, item: Callable[[Scanner], _T], *, may_be_empty: bool = False, most: int = MOST_ITEMS
) -> tuple[_T, ...]:
    """Items in parentheses, between spaces; so many at most."""
    scanner.need("(")
    if may_be_empty and scanner.has(")"):
        return ()
    items = spaced(scanner, item, most=most)
    scanner.need(")")
    return items


def spaced(scanner: Scanner, item: Callable[[Scanner], _T], *, most: int = MOST_ITEMS) -> tuple[_T, ...]:
    """Items between spaces; so many at most."""
    items = [item(scanner)]
    while scanner.has(" "):
        if len(items) == most:
            raise Refused(f"More than {most} in a list", status="NO", code="LIMIT")
        items.append(item(scanner))
    return tuple(items)


def _range(text: str) -> tuple[int, int]:
    first, colon, last = text.partition(":")
    a = STAR if first == "*" else int(first)
    b = a if not colon else STAR if last == "*" else int(last)
    if a > MAX_NUMBER or b > MAX_NUMBER:
        raise Refused("A number is out of bounds")
    return a, b
