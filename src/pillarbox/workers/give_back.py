"""Gives memory back to the system that the process has grown by and does not use: searches leave much of it behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pillarbox.net.bridge import Bridge
from pillarbox.workers.sample import resident_octets

_EVERY_SECONDS = 20
_GROWN = 16_000_000  # octets: who has not grown by so much since the last time has hardly anything to give


class GiveBack:
    """One of these per process."""

    def __init__(
        self, bridge: Bridge, give_back: Callable[[], None], resident: Callable[[], int] = resident_octets
    ) -> None:
        """`give_back` may take some milliseconds, and is run in a thread; `resident` tells how large the process is."""
        self._bridge, self._give_back, self._resident = bridge, give_back, resident
        self._least = resident()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await self.once()

    async def once(self) -> None:
        """Give back what there is, if the process has grown."""
        if self._resident() > self._least + _GROWN:
            await self._bridge.run(self._give_back)
            self._least = self._resident()
        else:
            self._least = min(self._least, self._resident())
