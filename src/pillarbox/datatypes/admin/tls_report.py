"""TlsReport: how TLS went when another server brought mail for a domain of ours.

Sections: RFC 8460 §4.
"""

from __future__ import annotations

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.declare import DataType, Filter, MethodCall, Record, Rules, Sort
from pillarbox.datatypes.mark import Indexed, Internal, ServerSet
from pillarbox.datatypes.view import Transaction


class TlsFailure(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Sessions that failed for the same reason: `result` is a word of RFC 8460 §4.3."""

    policy: str
    result: str
    sessions: int
    receiving_host: str = ""
    receiving_address: str = ""
    sending_address: str = ""
    information: str = ""


class TlsReport(Record, frozen=True, kw_only=True):
    """A report as it came; `senderDomain` is proved by DMARC, or empty. All texts are strangers'.

    `policies` are those that were applied: sts, tlsa, no-policy-found.
    """

    domain: ServerSet[Indexed[str]] = ""
    reporter: ServerSet[str] = ""
    reporter_email: ServerSet[str] = ""
    sender_domain: ServerSet[str] = ""
    report_id: ServerSet[str] = ""
    begins_at: ServerSet[str] = ""
    ends_at: ServerSet[str] = ""
    received_at: ServerSet[str] = ""
    policies: ServerSet[list[str]] = msgspec.field(default_factory=list)
    succeeded: ServerSet[int] = 0
    failed: ServerSet[int] = 0
    failures: ServerSet[list[TlsFailure]] = msgspec.field(default_factory=list)
    failures_omitted: ServerSet[int] = 0
    key: Internal[Indexed[str]] = ""  # the same for the same report


class TlsReportRules(Rules[TlsReport]):
    """Reports come by mail, and do not change."""

    def complete(self, tx: Transaction, call: MethodCall, old: TlsReport | None, new: TlsReport) -> TlsReport:
        if old is None:
            raise Fault(Kind.FORBIDDEN, "reports come by mail")
        return new


TLS_REPORT: DataType[TlsReport] = DataType(
    TlsReport,
    letter="u",
    capability=ADMIN,
    rules=TlsReportRules(),
    methods=frozenset({"get", "changes", "set", "query", "queryChanges"}),
    directory=True,
    unique_key=lambda report: report.key or None,
    filters={
        "domain": Filter(str, test=lambda report, name: report.domain == name, fixed=True),
        "before": Filter(str, test=lambda report, date: report.ends_at < date, fixed=True),
        "after": Filter(str, test=lambda report, date: report.ends_at >= date, fixed=True),
        "hasFailures": Filter(bool, test=lambda report, value: (report.failed > 0) is value, fixed=True),
    },
    sorts={
        "endsAt": Sort(key=lambda report: report.ends_at, fixed=True),
        "receivedAt": Sort(key=lambda report: report.received_at, fixed=True),
        "domain": Sort(key=lambda report: report.domain, fixed=True),
    },
)
