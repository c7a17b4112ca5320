"""What has to do with reports, put together by the settings."""

from __future__ import annotations

from typing import NamedTuple

from pillarbox.app.config.settings import Settings
from pillarbox.app.outside import Outside
from pillarbox.net.bridge import Bridge
from pillarbox.services.reports.counts import ReportCounts
from pillarbox.services.reports.failures import Failures
from pillarbox.services.reports.inbox import ReportInbox
from pillarbox.workers.failure_sending import FailureSending, FailureSettings
from pillarbox.workers.relay.tally import Tally
from pillarbox.workers.report_counter import ReportCounter
from pillarbox.workers.report_intake import ReportIntake
from pillarbox.workers.report_post import ReportPosts
from pillarbox.workers.report_sending import ReportSending, SendingSettings


class Reporting(NamedTuple):
    """What listeners and the relay tell, and the workers that make something of it."""

    outside: Outside
    inbox: ReportInbox
    tally: Tally
    workers: tuple[ReportIntake | ReportCounter | ReportSending | FailureSending, ...]


def reporting_of(settings: Settings, bridge: Bridge, outside: Outside, *, has_duties: bool) -> Reporting:
    """For one process; one of a server has the duties: it forgets old reports, and sends what is due."""
    reports = settings.reports
    inbox, tally = ReportInbox(reports.addresses), Tally()
    counts = ReportCounts(bridge.store.clock, dmarc=reports.dmarc_aggregate)
    intake = ReportIntake(bridge, inbox, keep_days=reports.keep_days if has_duties else None)
    counter = ReportCounter(bridge, counts, tally if reports.tls else None)
    failures = _failures(settings) if reports.dmarc_failure else None
    told = outside._replace(inbox=inbox, counts=counts, failures=failures)
    telling: tuple[FailureSending, ...] = ()
    if failures is not None:
        wishes = _failure_settings(settings) if has_duties else None
        telling = (FailureSending(bridge, outside.resolver, failures, wishes),)
    if not has_duties:
        return Reporting(told, inbox, tally, (intake, counter, *telling))
    chosen = SendingSettings(
        hostname=settings.hostname, sender=reports.sender, dmarc=reports.dmarc_aggregate, tls=reports.tls
    )
    posts = ReportPosts(outside.client, bridge.store.clock)
    sending = ReportSending(bridge, outside.resolver, chosen, posts)
    return Reporting(told, inbox, tally, (intake, counter, *telling, sending))


def _failures(settings: Settings) -> Failures:
    """Nothing is told of mail to addresses that reports come from or go to: it may be an answer to one."""
    reports = settings.reports
    own = (*reports.addresses, *filter(None, [reports.sender]), "postmaster")
    return Failures(own)


def _failure_settings(settings: Settings) -> FailureSettings:
    reports = settings.reports
    return FailureSettings(
        hostname=settings.hostname,
        sender=reports.sender,
        fields=reports.dmarc_failure_fields,
        redact=reports.dmarc_failure_redact,
        an_hour=reports.dmarc_failure_an_hour,
    )
