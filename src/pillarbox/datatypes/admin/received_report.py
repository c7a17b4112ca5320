"""What reports of other servers have in common, whatever they are about: they come by mail, and do not change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.declare import DataType, Filter, MethodCall, Record, Rules, Sort
from pillarbox.datatypes.mark import Indexed, Internal, ServerSet
from pillarbox.datatypes.view import Transaction

R = TypeVar("R", bound="ReceivedReport")


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


_FILTERS = {
    "domain": Filter(str, test=lambda report, name: report.domain == name, fixed=True),
    "before": Filter(str, test=lambda report, date: report.ends_at < date, fixed=True),
    "after": Filter(str, test=lambda report, date: report.ends_at >= date, fixed=True),
}
_SORTS = {
    "endsAt": Sort(key=lambda report: report.ends_at, fixed=True),
    "receivedAt": Sort(key=lambda report: report.received_at, fixed=True),
    "domain": Sort(key=lambda report: report.domain, fixed=True),
}


def report_type(record: type[R], letter: str, filters: Mapping[str, Filter], sorts: Mapping[str, Sort]) -> DataType[R]:
    """A type of reports, which can be found and sorted by what all of them have, and by this."""
    return DataType(
        record,
        letter=letter,
        capability=ADMIN,
        rules=ReceivedReportRules(),
        methods=frozenset({"get", "changes", "set", "query", "queryChanges"}),
        directory=True,
        unique_key=lambda report: report.key or None,
        filters={**_FILTERS, **filters},
        sorts={**_SORTS, **sorts},
    )
