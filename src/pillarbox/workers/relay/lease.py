"""A claim's lease, as who sends under it sees it: renewed while there is need, believed no longer than it lasts.

Another node takes for dead who does not renew. So nothing is sent on the strength of a lease that may have ended, be it
because the database was slow, because this process was stopped for a while, or because its clock ran on.
"""

from __future__ import annotations

import asyncio
import contextlib

from pillarbox.net.bridge import Bridge
from pillarbox.storage import lane
from pillarbox.storage.lane import Claim
from pillarbox.workers.relay import observed


class Lease:
    """One claim's. Times are those of the event loop, which no clock that is set changes."""

    def __init__(self, bridge: Bridge, claim: Claim, seconds: float, asked_at: float) -> None:
        """`asked_at` is when the claim was asked for: the lease counts from then or later, in the database."""
        self._bridge, self._claim, self._seconds = bridge, claim, seconds
        self._ends_at = asked_at + seconds
        self._is_lost = False

    def is_ours(self) -> bool:
        """Whether nobody else can have it yet."""
        return not self._is_lost and asyncio.get_running_loop().time() < self._ends_at

    async def keep(self) -> None:
        """Renew it until cancelled, or until it is lost."""
        while not self._is_lost:
            await asyncio.sleep(self._seconds / 3)
            with contextlib.suppress(Exception):  # it is tried again, and there is time for two
                await self.renew()

    async def renew(self) -> None:
        """Have it last from now on."""
        asked_at = asyncio.get_running_loop().time()
        ends_at = self._bridge.store.clock.now_ms() + int(self._seconds * 1000)
        if await self._bridge.write(lambda tx: lane.renew(tx.db, self._claim, ends_at)):
            self._ends_at = asked_at + self._seconds
        else:
            self._is_lost = True
            observed.LEASE_LOST.log(destination=self._claim.entries[0].destination)
