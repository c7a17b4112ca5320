"""Replies: status indicators, response codes, and the lines of an answer that has several.

Sections: RFC 1939 §3; RFC 2449 §4, §8; RFC 3206.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_UNPRINTABLE = re.compile(r"[^ -~\x80-\U0010ffff]+")
_LONGEST_TEXT = 400  # RFC 2449 §4: a first line has at most 512 octets
END = b".\r\n"


def ok(text: str = "") -> bytes:
    """A positive reply."""
    return _line("+OK", text)


def err(text: str, code: str = "") -> bytes:
    """A negative reply, perhaps with a response code, without its brackets (RFC 2449 §8)."""
    return _line("-ERR", f"[{code}] {text}" if code else text)


def challenge(data: bytes) -> bytes:
    """What the client has to answer: the octets are Base64 already (RFC 5034 §4)."""
    return b"+ " + data + b"\r\n"


def lines(items: Iterable[str]) -> bytes:
    """Lines of a multi-line reply. None may begin with a dot: what the server makes up does not."""
    return "".join(f"{item}\r\n" for item in items).encode()


def _line(status: str, text: str) -> bytes:
    """One line whatever the text is: it may hold what somebody sent."""
    text = _UNPRINTABLE.sub(" ", text).strip()[:_LONGEST_TEXT]
    # RFC 2449 §8: a code is in brackets at the beginning of the text; no text of ours looks like one by chance.
    return f"{status} {text}".rstrip().encode("ascii", "replace") + b"\r\n"
