"""One range of a representation's octets (RFC 9110 §14)."""

from __future__ import annotations

import re

_SINGLE = re.compile(r"bytes\s*=\s*([0-9]{0,18})-([0-9]{0,18})\s*\Z", re.ASCII | re.IGNORECASE)


class Unsatisfiable(Exception):
    """The range begins after the end."""


def parse_range(value: str, size: int) -> tuple[int, int] | None:
    """(start, end) of the octets wanted, end not included; None when the header is to be ignored. Raises Unsatisfiable.

    Several ranges in one request are ignored, as a server may (RFC 9110 §14.2): the whole is sent.
    """
    match = _SINGLE.match(value)
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        length = min(int(match[2]), size)
        if length == 0:
            raise Unsatisfiable
        return size - length, size
    start = int(match[1])
    if match[2] and int(match[2]) < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return start, min(int(match[2]) + 1, size) if match[2] else size
