"""Ids of records: short, ordered by time, safe in a URL and in any store that folds case (RFC 8620 §1.2)."""

from __future__ import annotations

import re
import secrets
import threading

from pillarbox.core.clock import Clock

# RFC 8620 §1.2: "it is RECOMMENDED that ids only contain characters from the URL-safe base64 alphabet", begin with a
# letter and not differ by case alone; base 32 in lower case, after a letter, is all of that.
ALPHABET = "0123456789abcdefghijklmnopqrstuv"
_ID = re.compile(r"[A-Za-z0-9_-]{1,255}\Z")
_RANDOM_BITS = 25
_WIDTH = 14


def is_id(value: object) -> bool:
    """Whether the value is an Id (RFC 8620 §1.2)."""
    return isinstance(value, str) and _ID.match(value) is not None


def base32(number: int, width: int) -> str:
    """The number in base 32, padded with zeros to the width."""
    out = []
    for _ in range(width):
        number, digit = divmod(number, 32)
        out.append(ALPHABET[digit])
    return "".join(reversed(out))


def id_at(letter: str, at_ms: int) -> str:
    """What stands in order before all ids that are made at a time or later, and after those made before it."""
    return letter + base32(max(at_ms, 0) << _RANDOM_BITS, _WIDTH)


class IdSource:
    """Makes ids of 15 characters: a letter, then milliseconds and randomness, always rising within a process.

    Any thread may ask for one.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0
        self._lock = threading.Lock()  # bodies run side by side in the threads of a pooled store

    def new(self, letter: str) -> str:
        """An id that begins with the letter, later in order than all that this source has made."""
        number = (self._clock.now_ms() << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
        with self._lock:
            self._last = number = max(number, self._last + 1)
        return letter + base32(number, _WIDTH)

    def short(self, letter: str) -> str:
        """A random id of 8 characters, for what is few: accounts."""
        return letter + base32(secrets.randbits(35), 7)
