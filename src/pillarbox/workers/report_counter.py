"""Brings into the store, once a minute, what a process has counted for reports."""

from __future__ import annotations

import asyncio
from functools import partial

from pillarbox.net.bridge import Bridge
from pillarbox.services.reports.counts import ReportCounts, TlsCount, store_counts
from pillarbox.workers import observed
from pillarbox.workers.relay.tally import Tally

_EVERY_SECONDS = 60


class ReportCounter:
    """One of these in each process; runs until it is cancelled, and stores then what is left."""

    def __init__(self, bridge: Bridge, counts: ReportCounts, tally: Tally | None = None) -> None:
        """`tally` has the TLS sessions of the process that relays, if they are to be reported."""
        self._bridge, self._counts, self._tally = bridge, counts, tally

    async def run(self) -> None:
        """Store once a minute."""
        try:
            while True:
                await asyncio.sleep(_EVERY_SECONDS)
                await self._try()
        finally:
            await self._try()

    async def _try(self) -> None:
        try:
            await self.once()
        except Exception as error:  # noqa: BLE001 -- the worker outlives whatever goes wrong once
            observed.FAILED.log(error, work="count for reports")

    async def once(self) -> None:
        """Store what was counted; what cannot be stored is counted again."""
        if self._tally is not None:
            for session, times in self._tally.take().items():
                result = session.result.value if session.result is not None else ""
                what = TlsCount(session.source.value, session.host, session.address, result)
                self._counts.session(session.domain, what, times)
        if rows := self._counts.take():
            try:
                await self._bridge.write(partial(store_counts, rows=rows))
            except Exception:
                self._counts.give_back(rows)
                raise
