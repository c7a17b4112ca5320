"""Patterns of LIST and LSUB (RFC 9051 §6.3.9): `*` is anything, `%` anything but the separator.

A name is matched from its begin to its end with one number whose bits say which places of it the pattern may have
reached. No pattern takes more steps than twice the length of the name, so none can keep the server busy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pillarbox.datatypes.mailbox_name import INBOX, SEPARATOR

_WILD = re.compile(r"[*%]+")


class Patterns:
    """The patterns of one command."""

    __slots__ = ("_of_inbox", "_patterns")

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [_short(pattern) for pattern in dict.fromkeys(patterns)]
        self._of_inbox = [INBOX + short[5:] for short in self._patterns if short[:5].upper() == INBOX]

    def match(self, name: str) -> bool:
        """Whether a name matches one of them. INBOX is matched in any case (RFC 9051 §5.1)."""
        places = _Places(name)
        patterns = [*self._patterns, *self._of_inbox] if name.partition(SEPARATOR)[0] == INBOX else self._patterns
        return any(places.match(pattern) for pattern in patterns)


class _Places:
    """A name, and for each sign the places where it stands, as bits."""

    __slots__ = ("_end", "_signs")

    def __init__(self, name: str) -> None:
        self._end = len(name)
        self._signs: dict[str, int] = {}
        for place, sign in enumerate(name):
            self._signs[sign] = self._signs.get(sign, 0) | 1 << place

    def match(self, pattern: str) -> bool:
        if len(pattern) > 2 * self._end + 1:  # no two wildcards stand side by side: it has more signs than the name
            return False
        everything = (1 << self._end) - 1
        level = everything & ~self._signs.get(SEPARATOR, 0)
        reached = 1
        for sign in pattern:
            if sign == "*":
                reached = (everything << 1 | 1) & -(reached & -reached)  # all places from the first on
            elif sign == "%":
                # Adding carries each place over the signs after it, up to a separator.
                reached |= (((reached & level) + level) ^ level) & (everything << 1 | 1)
            else:
                reached = (reached & self._signs.get(sign, 0)) << 1
            if not reached:
                return False
        return bool(reached >> self._end & 1)


def _short(pattern: str) -> str:
    """The same with single wildcards: several side by side reach as far as the widest of them."""
    return _WILD.sub(lambda run: "*" if "*" in run[0] else "%", pattern)
