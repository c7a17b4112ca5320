"""DmarcReport: what another server counted of mail that claimed to be from a domain of ours.

Sections: RFC 9990 §3.1.
"""

from __future__ import annotations

import msgspec

from pillarbox.datatypes.admin.received_report import ReceivedReport, report_type
from pillarbox.datatypes.declare import DataType, Filter
from pillarbox.datatypes.mark import ServerSet


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


class DmarcReport(ReceivedReport, frozen=True, kw_only=True):
    """A report as it came: who sent it (`senderDomain` is proved by DMARC, or empty), of which time, and what it says.

    `sources` are the rows of the report that fail first, then those with the most messages; `sourcesOmitted` were too
    many. All texts are strangers'.
    """

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


DMARC_REPORT: DataType[DmarcReport] = report_type(
    DmarcReport,
    "c",
    {
        "hasFailures": Filter(bool, test=lambda report, value: (report.passed < report.messages) is value, fixed=True),
    },
    {},
)
