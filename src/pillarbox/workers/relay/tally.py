"""How TLS went with other servers, counted until somebody fetches it for a report (RFC 8460 §4.3, §4.4)."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from pillarbox.formats.tls_result import Result
from pillarbox.services.transport_requirement import Source

_MOST = 10_000  # domains, hosts and results that are told apart; the rest of a day is not reported


class Session(NamedTuple):
    """One kind of session: with whom, under whose policy, and what went wrong; None: it succeeded."""

    domain: str
    source: Source
    host: str
    address: str
    result: Result | None


class Tally:
    """Counts sessions. For one event loop."""

    def __init__(self) -> None:
        self._counts: Counter[Session] = Counter()

    def count(self, session: Session) -> None:
        """Note a session."""
        if session in self._counts or len(self._counts) < _MOST:
            self._counts[session] += 1

    def take(self) -> Counter[Session]:
        """What was counted since the last time."""
        taken, self._counts = self._counts, Counter()
        return taken
