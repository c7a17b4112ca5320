"""What a method of authentication found out, in the words that Authentication-Results has for it.

Sections: RFC 8601 §2.2, §2.3, §2.7.
"""

from __future__ import annotations

import msgspec


class Verdict(msgspec.Struct, frozen=True):
    """The result of one method: `spf`, `dkim`, `dmarc`, `arc`, `iprev`, `auth`; what it was about in `properties`.

    A property is a type and a name, and a value: `("smtp.mailfrom", "example.org")`. The values, and the reason, may be
    any text of a sender's: who prints them (`authentication_results.py`) makes them harmless.
    """

    method: str
    result: str
    reason: str | None = None
    properties: tuple[tuple[str, str], ...] = ()

    def value(self, name: str) -> str | None:
        """The first property of that name (`header.d`), None if there is none."""
        return next((value for key, value in self.properties if key == name), None)


def find(verdicts: tuple[Verdict, ...], method: str) -> Verdict | None:
    """The first verdict of a method, None if there is none."""
    return next((verdict for verdict in verdicts if verdict.method == method), None)
