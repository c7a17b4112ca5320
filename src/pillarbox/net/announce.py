"""How other processes hear of a commit made here, and this one of theirs: one way of telling is one announcer.

A note says "account, types, numbers" and nothing of the data: one that is lost costs delay, never truth.
"""

from __future__ import annotations

from typing import Protocol

from pillarbox.storage.store import Changed


class Announcer(Protocol):
    """Carries notes to other processes, and theirs to `Bridge.heard`."""

    def tell(self, changed: Changed) -> None:
        """Pass on what this process committed. Called on the event loop; never waits, never raises."""

    async def run(self) -> None:
        """Hand what others told to `Bridge.heard`, until cancelled."""
