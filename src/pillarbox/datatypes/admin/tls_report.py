"""TlsReport: how TLS went when another server brought mail for a domain of ours.

Sections: RFC 8460 §4.
"""

from __future__ import annotations

import msgspec

from pillarbox.datatypes.admin.received_report import ReceivedReport, report_type
from pillarbox.datatypes.declare import DataType, Filter
from pillarbox.datatypes.mark import ServerSet


class TlsFailure(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Sessions that failed for the same reason: `result` is a word of RFC 8460 §4.3."""

    policy: str
    result: str
    sessions: int
    receiving_host: str = ""
    receiving_address: str = ""
    sending_address: str = ""
    information: str = ""


class TlsReport(ReceivedReport, frozen=True, kw_only=True):
    """A report as it came; `senderDomain` is proved by DMARC, or empty. All texts are strangers'.

    `policies` are those that were applied: sts, tlsa, no-policy-found.
    """

    policies: ServerSet[list[str]] = msgspec.field(default_factory=list)
    succeeded: ServerSet[int] = 0
    failed: ServerSet[int] = 0
    failures: ServerSet[list[TlsFailure]] = msgspec.field(default_factory=list)
    failures_omitted: ServerSet[int] = 0


TLS_REPORT: DataType[TlsReport] = report_type(
    TlsReport,
    "u",
    {
        "hasFailures": Filter(bool, test=lambda report, value: (report.failed > 0) is value, fixed=True),
    },
    {},
)
