"""What a server says in answer to EHLO or LHLO that it can do.

RFC 5321 §4.1.1.1, RFC 1870 (SIZE), RFC 4954 (AUTH), RFC 9422 (LIMITS).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pillarbox.wire.smtp_client.reply import Reply

_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*\Z")
_NUMBER = re.compile(r"[0-9]{1,18}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Keywords in upper case with their arguments; none after HELO."""

    keywords: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.keywords

    @property
    def max_size(self) -> int | None:
        """The largest message that the server takes, in octets; None when it says nothing, or 0: no limit is known."""
        given = self.keywords.get("SIZE", ())
        return int(given[0]) or None if given and _NUMBER.match(given[0]) else None

    @property
    def least_seconds(self) -> int:
        """How many seconds the server wants at least to deliver in (RFC 2852 §2)."""
        given = self.keywords.get("DELIVERBY", ())
        return int(given[0]) if given and _NUMBER.match(given[0]) else 0

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """SASL mechanisms, in upper case."""
        return tuple(dict.fromkeys(name.upper() for name in self.keywords.get("AUTH", ())))

    def limit(self, name: str) -> int | None:
        """A number of LIMITS, such as RCPTMAX (RFC 9422 §4)."""
        for given in self.keywords.get("LIMITS", ()):
            key, _, value = given.partition("=")
            if key.upper() == name and _NUMBER.match(value) and int(value) > 0:
                return int(value)
        return None


def capabilities(reply: Reply) -> Capabilities:
    """The keywords of a reply to EHLO; what is no keyword is passed over."""
    found: dict[str, tuple[str, ...]] = {}
    for line in reply.lines[1:]:
        # An old spelling that servers still send beside the right one: AUTH=PLAIN LOGIN.
        words = line.replace("AUTH=", "AUTH ", 1).split() if line.upper().startswith("AUTH=") else line.split()
        if words and _KEYWORD.match(words[0]):
            key = words[0].upper()
            found[key] = (*found.get(key, ()), *words[1:])
    return Capabilities(found)
