"""Recipients that were found a moment ago: a list's or a busy sender's mail names the same ones again and again."""

from __future__ import annotations

from collections.abc import Mapping

from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import Clock
from pillarbox.services.directory import Recipient as Found

# What this process changes in the directory counts at once; what another one does, after this time.
_KEEP_MS = 1_000
_MOST = 10_000


class KnownRecipients:
    """Remembers where addresses lead for a second. Refusals are not remembered: a new address takes mail at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, tuple[int, Found]] = {}

    def find(self, address: str) -> Found | None:
        """Where an address leads, if that is known."""
        found = self._known.get(address)
        return found[1] if found is not None and self._clock.now_ms() - found[0] < _KEEP_MS else None

    def note(self, address: str, found: Found) -> None:
        """Remember where an address leads."""
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[address] = (self._clock.now_ms(), found)

    def changed(self, changed: Mapping[str, Mapping[str, int]]) -> None:
        """What a commit changed (account -> types): after a change of the directory nothing is known."""
        if DIRECTORY in changed:
            self._known.clear()
