"""Reads the reports that came with mail, beside the event loop, and stores them a minute's worth at a time.

Each write to the directory makes processes look at logins anew, so reports share one.
"""

from __future__ import annotations

from functools import partial

from pillarbox.core.clock import utc_date
from pillarbox.formats.report.compressed import RefusedReport
from pillarbox.net.bridge import Bridge
from pillarbox.services import observed as services_observed
from pillarbox.services.reports.inbox import ReportInbox
from pillarbox.services.reports.received import Received, forget, keep, of_interest, read
from pillarbox.workers import observed
from pillarbox.workers.repeat import repeat

_EVERY_SECONDS = 60
_DAY_MS = 86_400_000
_AT_ONCE = 50
_MOST_A_DAY = 2_000  # whoever invents reports must not fill the store
_FORGET_AT_ONCE = 200


class ReportIntake:
    """One of these in each process; runs until it is cancelled."""

    def __init__(self, bridge: Bridge, inbox: ReportInbox, keep_days: int | None = None) -> None:
        """`keep_days` in the process that forgets what is older."""
        self._bridge, self._inbox, self._keep_days = bridge, inbox, keep_days
        self._day = self._today = 0
        self._next_forget_ms = 0

    async def run(self) -> None:
        """Look once a minute."""
        await repeat(self.once, _EVERY_SECONDS, "reports")

    async def once(self) -> None:
        """Read and store what waits, and forget what is old."""
        while reports := await self._next():
            kept = await self._bridge.write(partial(keep, reports=reports))
            if kept:
                observed.REPORTS_KEPT.log(reports=kept)
        await self._forget()

    async def _next(self) -> list[Received]:
        """Reports about our domains, out of what waits."""
        found: list[Received] = []
        while len(found) < _AT_ONCE and (brought := self._inbox.take()) is not None:
            try:
                report = await self._bridge.run(read, brought)
            except RefusedReport as error:
                services_observed.REPORT_UNREAD.log(why=str(error))
                continue
            record = await self._bridge.read(partial(of_interest, report=report)) if report is not None else None
            if record is None:
                continue
            if self._has_room():
                found.append(record)
            else:
                services_observed.REPORT_UNREAD.log(why="too many came today")
        return found

    def _has_room(self) -> bool:
        day = self._bridge.store.clock.now_ms() // _DAY_MS
        if day != self._day:
            self._day, self._today = day, 0
        self._today += 1
        return self._today <= _MOST_A_DAY

    async def _forget(self) -> None:
        now = self._bridge.store.clock.now_ms()
        if self._keep_days is None or now < self._next_forget_ms:
            return
        before = utc_date(now - self._keep_days * _DAY_MS)
        while await self._bridge.write(partial(forget, before=before, most=_FORGET_AT_ONCE), slow=True):
            pass
        self._next_forget_ms = now + _DAY_MS
