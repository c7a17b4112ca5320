"""What has to do with reports, put together by the settings."""

from __future__ import annotations

from pillarbox.app.config.reports import Reports
from pillarbox.net.bridge import Bridge
from pillarbox.services.reports.inbox import ReportInbox
from pillarbox.workers.report_intake import ReportIntake


def inbox_of(reports: Reports) -> ReportInbox:
    """Where a process keeps what may be a report, until it is read."""
    return ReportInbox(reports.addresses)


def intake_worker(reports: Reports, bridge: Bridge, inbox: ReportInbox, *, for_all: bool) -> ReportIntake:
    """The worker that reads them; `for_all` in the process that has the duties."""
    return ReportIntake(bridge, inbox, keep_days=reports.keep_days if for_all else None)
