"""Tells domains of messages in their name that failed, where they ask for it in the DNS and may have it.

Each process stores what it has met, within half a minute; one of a server tells of it.

Sections: RFC 9991 §2, §5; RFC 9990 §4.
"""

from __future__ import annotations

from functools import partial

import msgspec

from pillarbox.core.dns import Question
from pillarbox.formats.mailauth.report_destination import Destinations, agreed_destinations
from pillarbox.net.bridge import Bridge
from pillarbox.net.dns.lazy import Resolves
from pillarbox.services import observed as services_observed
from pillarbox.services.dmarc_failure import Failure
from pillarbox.services.reports.failure_letter import (
    FailureLetters,
    Style,
    ensure_redaction_key,
    queue_failures,
    redaction_key,
    write_letters,
)
from pillarbox.services.reports.failures import Failures
from pillarbox.services.reports.outgoing import are_elsewhere, sender_of
from pillarbox.services.reports.waiting_failure import due_failures, store_failures
from pillarbox.workers import observed
from pillarbox.workers.repeat import repeat

_EVERY_SECONDS = 30
_AT_ONCE = 50
_DNS_SECONDS = 20.0  # for one failure: a domain whose servers are slow must not hold up the others
_MAX_RECORD = 2_000


class FailureSettings(msgspec.Struct, frozen=True, kw_only=True):
    """From whom reports come, without `sender` from postmaster at a domain of ours; what is in them, and how many."""

    hostname: str
    sender: str | None = None
    fields: tuple[str, ...] = ()
    redact: bool = True
    an_hour: int = 20


class FailureSending:
    """One of these in each process that receives mail; runs until it is cancelled, and stores then what is left."""

    def __init__(
        self, bridge: Bridge, resolver: Resolves, failures: Failures, settings: FailureSettings | None = None
    ) -> None:
        """`settings`: tell of what waits; without them another process does so."""
        self._bridge, self._resolver, self._failures, self._settings = bridge, resolver, failures, settings

    async def run(self) -> None:
        """Look twice a minute what has come, and what is due."""
        try:
            await repeat(self.once, _EVERY_SECONDS, "failure reports")
        finally:
            await self._store_last()

    async def once(self) -> None:
        """Store what has come, and queue what is due, if that is ours to do."""
        await self.store()
        if self._settings is not None:
            await self._tell(self._settings)

    async def store(self) -> None:
        """Bring what was set aside to what waits in the store; what cannot be stored is set aside again."""
        if fresh := self._failures.take():
            try:
                await self._bridge.write(partial(store_failures, failures=fresh))
            except Exception:
                self._failures.give_back(fresh)
                raise

    async def _store_last(self) -> None:
        try:
            await self.store()
        except Exception as error:  # noqa: BLE001 -- nobody is left to hear of it
            observed.FAILED.log(error, work="failure reports")

    async def _tell(self, settings: FailureSettings) -> None:
        """Queue what is due; what cannot be told now is not told: there are the reports of the day."""
        while due := await self._bridge.read(lambda view: due_failures(view, _AT_ONCE)):
            sender = await self._bridge.read(lambda view: sender_of(view, settings.sender, settings.hostname))
            found = [FailureLetters(failure, ()) for failure in due]
            if sender is not None:
                style = Style(
                    sender=sender,
                    host_name=settings.hostname,
                    fields=settings.fields,
                    key=await self._redaction_key(settings),
                )
                found = [await self._try(failure, style) for failure in due]
            told = await self._bridge.write(partial(queue_failures, found=found, an_hour=settings.an_hour))
            services_observed.FAILURE_REPORTS.add(told.queued, "queued")
            services_observed.FAILURE_REPORTS.add(told.limited, "limited")
            if told.queued:
                observed.FAILURES_REPORTED.log(reports=told.queued)

    async def _try(self, failure: Failure, style: Style) -> FailureLetters:
        """What tells of a failure. One that cannot be told must not stand before the others for ever."""
        try:
            return await self._letters(failure, style)
        except Exception as error:  # noqa: BLE001 -- see above
            observed.FAILED.log(error, work="write a failure report")
            return FailureLetters(failure, ())

    async def _redaction_key(self, settings: FailureSettings) -> bytes | None:
        if not settings.redact:
            return None
        return await self._bridge.read(redaction_key) or await self._bridge.write(ensure_redaction_key)

    async def _letters(self, failure: Failure, style: Style) -> FailureLetters:
        found: Destinations = await self._resolver.run(
            agreed_destinations(failure.domain, failure.destinations, is_failure=True), _DNS_SECONDS
        )
        addresses = list(dict.fromkeys(to.address for to in found.agreed))
        elsewhere = await self._bridge.read(partial(are_elsewhere, addresses=addresses))
        wanted = [address for address in addresses if address in elsewhere]
        if not wanted:
            services_observed.FAILURE_REPORTS.count("unwanted")
            return FailureLetters(failure, ())
        records = await self._spf_records(failure.spf_domain)
        now = self._bridge.store.clock.now_ms()
        return await self._bridge.run(write_letters, failure, wanted, style, records, now)

    async def _spf_records(self, domain: str) -> list[str]:
        """What the domain publishes now, as its owner is to see it."""
        if not domain:
            return []
        answer = await self._resolver.ask(Question(domain, "TXT"))
        texts = [
            each for each in answer.records if isinstance(each, bytes) and each[:7].lower() in (b"v=spf1", b"v=spf1 ")
        ]
        return [text[:_MAX_RECORD].decode("ascii", "replace").replace('"', "") for text in texts[:2]]
