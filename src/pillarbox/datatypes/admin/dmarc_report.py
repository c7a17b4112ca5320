"""DmarcReport: what another server counted of mail that claimed to be from a domain of ours.

Sections: RFC 9990 §3.1.
"""

from __future__ import annotations

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.declare import DataType, Filter, MethodCall, Record, Rules, Sort
from pillarbox.datatypes.mark import Indexed, Internal, ServerSet
from pillarbox.datatypes.view import Transaction


class DmarcSource(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Messages of one address with the same results. `dkim` and `spf` say whether they proved the author's domain.

    `dkimDomains` signed, and their signatures were good; `spfDomain` is that of the envelope.
    """

    address: str
    messages: int
    disposition: str
    dkim: str
    spf: str
    header_from: str
    dkim_domains: list[str] = []
    spf_domain: str = ""
    reasons: list[str] = []

    @property
    def passes(self) -> bool:
        """Whether DMARC passed."""
        return "pass" in (self.dkim, self.spf)


class DmarcReport(Record, frozen=True, kw_only=True):
    """A report as it came: who sent it (`senderDomain` is proved by DMARC, or empty), of which time, and what it says.

    `sources` are the rows of the report that fail first, then those with the most messages; `sourcesOmitted` were too
    many. All texts are strangers'.
    """

    domain: ServerSet[Indexed[str]] = ""
    reporter: ServerSet[str] = ""
    reporter_email: ServerSet[str] = ""
    sender_domain: ServerSet[str] = ""
    report_id: ServerSet[str] = ""
    begins_at: ServerSet[str] = ""
    ends_at: ServerSet[str] = ""
    received_at: ServerSet[str] = ""
    policy: ServerSet[str] = "none"
    subdomain_policy: ServerSet[str] = ""
    is_testing: ServerSet[bool] = False
    messages: ServerSet[int] = 0
    passed: ServerSet[int] = 0
    quarantined: ServerSet[int] = 0
    rejected: ServerSet[int] = 0
    sources: ServerSet[list[DmarcSource]] = msgspec.field(default_factory=list)
    sources_omitted: ServerSet[int] = 0
    errors: ServerSet[list[str]] = msgspec.field(default_factory=list)
    key: Internal[Indexed[str]] = ""  # the same for the same report


class DmarcReportRules(Rules[DmarcReport]):
    """Reports come by mail, and do not change."""

    def complete(self, tx: Transaction, call: MethodCall, old: DmarcReport | None, new: DmarcReport) -> DmarcReport:
        if old is None:
            raise Fault(Kind.FORBIDDEN, "reports come by mail")
        return new


DMARC_REPORT: DataType[DmarcReport] = DataType(
    DmarcReport,
    letter="c",
    capability=ADMIN,
    rules=DmarcReportRules(),
    methods=frozenset({"get", "changes", "set", "query", "queryChanges"}),
    directory=True,
    unique_key=lambda report: report.key or None,
    filters={
        "domain": Filter(str, test=lambda report, name: report.domain == name, fixed=True),
        "before": Filter(str, test=lambda report, date: report.ends_at < date, fixed=True),
        "after": Filter(str, test=lambda report, date: report.ends_at >= date, fixed=True),
        "hasFailures": Filter(bool, test=lambda report, value: (report.passed < report.messages) is value, fixed=True),
    },
    sorts={
        "endsAt": Sort(key=lambda report: report.ends_at, fixed=True),
        "receivedAt": Sort(key=lambda report: report.received_at, fixed=True),
        "domain": Sort(key=lambda report: report.domain, fixed=True),
    },
)
