"""Has postmasters hear of accounts that send too much, some seconds after it is noticed."""

from __future__ import annotations

import asyncio

from pillarbox.net.bridge import Bridge
from pillarbox.services.sending_limit import Notices
from pillarbox.services.sending_report import report
from pillarbox.workers import observed

_EVERY_SECONDS = 5.0


class SendingReports:
    """One of these per process: each reports what it has noticed itself."""

    def __init__(self, bridge: Bridge, notices: Notices, host_name: str) -> None:
        self._bridge, self._notices, self._host_name = bridge, notices, host_name

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await self.work()

    async def work(self) -> None:
        """Report what was noticed since."""
        if not (found := self._notices.take()):
            return
        observed.begin("sending reports", self._bridge.store.ids)
        try:
            await self._bridge.write(lambda tx: report(tx, found, self._host_name), slow=True)
        except Exception as error:  # noqa: BLE001 - the worker outlives whatever goes wrong once
            observed.FAILED.log(error, work="report accounts that send too much")
            for notice in found:
                self._notices.add(notice)
