"""What reports of other servers have in common, whatever they are about: they come by mail, and do not change."""

from __future__ import annotations

from typing import Any

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.declare import Filter, MethodCall, Record, Rules, Sort
from pillarbox.datatypes.mark import Indexed, Internal, ServerSet
from pillarbox.datatypes.view import Transaction


class ReceivedReport(Record, frozen=True, kw_only=True):
    """Who sent a report (`senderDomain` is proved by DMARC, or empty), about which domain of ours, of which time."""

    domain: ServerSet[Indexed[str]] = ""
    reporter: ServerSet[str] = ""
    reporter_email: ServerSet[str] = ""
    sender_domain: ServerSet[str] = ""
    report_id: ServerSet[str] = ""
    begins_at: ServerSet[str] = ""
    ends_at: ServerSet[str] = ""
    received_at: ServerSet[str] = ""
    key: Internal[Indexed[str]] = ""  # the same for the same report


class ReceivedReportRules(Rules[Any]):
    """Nobody makes reports but who sends them."""

    def complete(self, tx: Transaction, call: MethodCall, old: Any | None, new: Any) -> Any:
        if old is None:
            raise Fault(Kind.FORBIDDEN, "reports come by mail")
        return new


FILTERS = {
    "domain": Filter(str, test=lambda report, name: report.domain == name, fixed=True),
    "before": Filter(str, test=lambda report, date: report.ends_at < date, fixed=True),
    "after": Filter(str, test=lambda report, date: report.ends_at >= date, fixed=True),
}
SORTS = {
    "endsAt": Sort(key=lambda report: report.ends_at, fixed=True),
    "receivedAt": Sort(key=lambda report: report.received_at, fixed=True),
    "domain": Sort(key=lambda report: report.domain, fixed=True),
}
