"""Sends reports about the days that are over, to who asks for them in the DNS.

Sections: RFC 9990 §3.5, §4; RFC 8460 §3, §5.
"""

from __future__ import annotations

from functools import partial

import msgspec

from pillarbox.core.dns import Question, Status
from pillarbox.formats.mailauth.dmarc_record import DmarcRecord, is_dmarc, parse_dmarc_record
from pillarbox.formats.mailauth.report_destination import Destinations, agreed_destinations
from pillarbox.formats.report.tls_record import TlsDestinations, read_tls_record
from pillarbox.net.bridge import Bridge
from pillarbox.net.dns.lazy import Resolves
from pillarbox.services.reports.counts import DAY_MS, DMARC, due_ms, due_reports
from pillarbox.services.reports.outgoing import (
    KINDS,
    Letter,
    Occasion,
    are_elsewhere,
    dmarc_letters,
    queue_report,
    sender_of,
    tls_body,
    tls_letters,
    tls_report,
)
from pillarbox.storage import mta_sts, report_count
from pillarbox.workers import observed
from pillarbox.workers.repeat import repeat
from pillarbox.workers.report_post import ReportPosts

_EVERY_SECONDS = 60
_AGAIN_MS = 3_600_000
_OLDEST_DAYS = 3  # what could not be sent for so long is not sent
_MOST_ROWS = 10_000


class SendingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent, from whom; without `sender`, postmaster at a domain of ours."""

    hostname: str
    sender: str | None = None
    dmarc: bool = True
    tls: bool = True


class _Later(Exception):
    """The DNS does not say now who wants the report."""


class ReportSending:
    """One of these in a server; nodes that do the same find it done. Runs until it is cancelled."""

    def __init__(self, bridge: Bridge, resolver: Resolves, settings: SendingSettings, posts: ReportPosts) -> None:
        self._bridge, self._resolver, self._settings, self._posts = bridge, resolver, settings, posts
        self._again: dict[tuple[str, int, str], int] = {}

    async def run(self) -> None:
        """Look once a minute what is due."""
        await repeat(self.once, _EVERY_SECONDS, "send reports")

    async def once(self) -> None:
        """Send what is due."""
        now = self._bridge.store.clock.now_ms()
        sender = await self._bridge.read(lambda view: sender_of(view, self._settings.sender, self._settings.hostname))
        for kind in KINDS:
            for day, domain in await self._bridge.read(partial(due_reports, kind=kind)):
                if now < max(due_ms(kind, day, domain), self._again.get((kind, day, domain), 0)):
                    continue
                await self._one(Occasion(kind=kind, day=day, domain=domain, sender=sender or ""), now)
        self._again = {key: ms for key, ms in self._again.items() if ms > now}
        await self._posts.again()

    async def _one(self, occasion: Occasion, now: int) -> None:
        is_wanted = self._settings.dmarc if occasion.kind == DMARC else self._settings.tls
        is_old = now // DAY_MS - occasion.day > _OLDEST_DAYS
        if not is_wanted or is_old or not occasion.sender:
            await self._bridge.write(partial(queue_report, occasion=occasion, letters=()))
            return
        try:
            await (self._dmarc(occasion, now) if occasion.kind == DMARC else self._tls(occasion, now))
        except _Later:
            self._again[occasion.kind, occasion.day, occasion.domain] = now + _AGAIN_MS

    async def _dmarc(self, occasion: Occasion, now: int) -> None:
        record = await self._dmarc_record(occasion.domain)
        wanted = record.aggregate if record is not None else ()
        found: Destinations = await self._resolver.run(agreed_destinations(occasion.domain, wanted))
        if not found.is_certain and not found.agreed:
            raise _Later
        addresses = [to.address for to in found.agreed]
        others = await self._bridge.read(partial(are_elsewhere, addresses=addresses))
        agreed = [to for to in found.agreed if to.address in others]
        rows = await self._rows(occasion)
        letters = await self._bridge.run(dmarc_letters, occasion, rows, agreed, now) if rows and agreed else []
        await self._queue(occasion, letters)

    async def _tls(self, occasion: Occasion, now: int) -> None:
        texts = await self._texts(f"_smtp._tls.{occasion.domain}")
        to = read_tls_record(texts)
        others = await self._bridge.read(partial(are_elsewhere, addresses=to.addresses))
        to = TlsDestinations(tuple(address for address in to.addresses if address in others), to.urls)
        rows = await self._rows(occasion)
        if not rows or not (to.addresses or to.urls):
            await self._queue(occasion, [])
            return
        policy = await self._bridge.read(lambda view: mta_sts.find(view.db, occasion.domain, now))
        lines = policy.policy.decode("utf-8", "replace").split() if policy is not None else []
        sts = [f"{name} {value}" for name, value in zip(lines[::2], lines[1::2], strict=False)]
        report = await self._bridge.run(tls_report, occasion, rows, sts)
        if await self._queue(occasion, await self._bridge.run(tls_letters, occasion, report, to, now)):
            for url in to.urls:
                await self._posts.send(url, tls_body(report))

    async def _queue(self, occasion: Occasion, letters: list[Letter]) -> bool:
        is_new = await self._bridge.write(partial(queue_report, occasion=occasion, letters=letters))
        if is_new and letters:
            observed.REPORT_SENT.log(kind=occasion.kind, domain=occasion.domain, addresses=len(letters))
        return is_new

    async def _rows(self, occasion: Occasion) -> list[report_count.Counted]:
        return await self._bridge.read(
            lambda view: report_count.rows_of(view.db, occasion.kind, occasion.day, occasion.domain, _MOST_ROWS),
            slow=True,
        )

    async def _dmarc_record(self, domain: str) -> DmarcRecord | None:
        """The record as it is now: who wanted reports yesterday may want them elsewhere."""
        texts = [text for text in await self._texts(f"_dmarc.{domain}") if is_dmarc(text)]
        return parse_dmarc_record(texts[0]) if len(texts) == 1 else None

    async def _texts(self, name: str) -> list[bytes]:
        answer = await self._resolver.ask(Question(name, "TXT"))
        if answer.status is Status.FAILED:
            raise _Later
        return [record for record in answer.records if isinstance(record, bytes)]
