"""Reports of others about our domains become records: read within bounds, stored once, and forgotten in time.

Sections: RFC 9990 §3; RFC 8460 §4.4; RFC 5965 §3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import utc_date
from pillarbox.datatypes.admin.dmarc_report import DMARC_REPORT, DmarcReport, DmarcSource
from pillarbox.datatypes.admin.domain import domain_of
from pillarbox.datatypes.admin.feedback_report import FEEDBACK_REPORT, FeedbackReport
from pillarbox.datatypes.admin.tls_report import TLS_REPORT, TlsFailure, TlsReport
from pillarbox.datatypes.declare import DataType
from pillarbox.datatypes.view import Transaction, View
from pillarbox.formats.report.dmarc import DmarcReport as SentDmarc
from pillarbox.formats.report.dmarc import DmarcRow
from pillarbox.formats.report.incoming import read_report
from pillarbox.formats.report.tls import TlsReport as SentTls
from pillarbox.services.reports import clipped
from pillarbox.services.reports.complaint import Complaint, about_us, complaint
from pillarbox.services.reports.inbox import Brought

MAX_SOURCES = 300
_POLICIES = 10
Received: TypeAlias = DmarcReport | TlsReport | FeedbackReport
_KINDS: dict[type[Received], DataType[Any]] = {
    DmarcReport: DMARC_REPORT,
    TlsReport: TLS_REPORT,
    FeedbackReport: FEEDBACK_REPORT,
}


def read(brought: Brought) -> DmarcReport | TlsReport | Complaint | None:
    """The record that a message becomes, without an id, or what makes one; None if it carries no report.

    Raises RefusedReport. May take a second: not for the event loop.
    """
    report = read_report(brought.structure, brought.data)
    if report is None:
        return None
    if isinstance(report, SentDmarc):
        return _from_dmarc(report, brought)
    return _from_tls(report, brought) if isinstance(report, SentTls) else complaint(report, brought)


def of_interest(view: View, report: DmarcReport | TlsReport | Complaint) -> Received | None:
    """The record, if it is about a domain of ours."""
    if isinstance(report, Complaint):
        return about_us(view, report)
    return report if domain_of(view, report.domain) is not None else None


def keep(tx: Transaction, reports: Sequence[Received]) -> int:
    """Store those that are not there yet, about domains that are still ours; how many."""
    kept = 0
    for report in reports:
        kind = _KINDS[type(report)]
        if domain_of(tx, report.domain) is None or tx.find(kind, DIRECTORY, "key", [report.key]):
            continue
        tx.write(kind, DIRECTORY, None, msgspec.structs.replace(report, id=tx.new_id(kind)))
        kept += 1
    return kept


def forget(tx: Transaction, before: str, most: int) -> int:
    """Delete reports that were received before a UTCDate, the oldest first; how many, at most so many of each kind."""
    count = 0
    for kind in _KINDS.values():
        for report in _oldest(tx, kind, most):
            if report.received_at < before:
                tx.write(kind, DIRECTORY, report, None)
                count += 1
    return count


def _oldest(view: View, kind: DataType[Any], most: int) -> Sequence[Any]:
    return list(view.get_many(kind, DIRECTORY, view.ids(kind, DIRECTORY, most)).values())


def _from_dmarc(report: SentDmarc, brought: Brought) -> DmarcReport:
    domain, policy = clipped.domain_name(report.policy.domain), report.policy
    rows = sorted(report.rows, key=lambda row: (row.passes, -row.count))

    def total(test: Callable[[DmarcRow], bool]) -> int:
        return sum(clipped.count(row.count) for row in rows if test(row))

    return DmarcReport(
        id="",
        domain=domain,
        reporter=clipped.text(report.organization),
        reporter_email=clipped.text(report.email),
        sender_domain=brought.sender_domain,
        report_id=clipped.text(report.report_id),
        begins_at=clipped.seconds(report.begins_at),
        ends_at=clipped.seconds(report.ends_at),
        received_at=utc_date(brought.received_ms),
        policy=clipped.text(policy.p),
        subdomain_policy=clipped.text(policy.sp),
        is_testing=policy.testing == "y",
        messages=total(lambda _row: True),
        passed=total(lambda row: row.passes),
        quarantined=total(lambda row: row.disposition == "quarantine"),
        rejected=total(lambda row: row.disposition == "reject"),
        sources=[source_of(row) for row in rows[:MAX_SOURCES]],
        sources_omitted=max(0, len(rows) - MAX_SOURCES),
        errors=clipped.texts(report.errors),
        key=clipped.key(brought.sender_domain, report.organization, report.report_id, domain),
    )


def source_of(row: DmarcRow) -> DmarcSource:
    """A row as administrators see it."""
    return DmarcSource(
        address=clipped.text(row.source_ip),
        messages=clipped.count(row.count),
        disposition=clipped.text(row.disposition),
        dkim=clipped.text(row.dkim),
        spf=clipped.text(row.spf),
        header_from=clipped.text(row.header_from),
        dkim_domains=clipped.texts([each.domain for each in row.dkim_results if each.result == "pass"]),
        spf_domain=clipped.text(next((each.domain for each in row.spf_results if each.result == "pass"), "")),
        reasons=clipped.texts([each.type for each in row.reasons]),
    )


def _from_tls(report: SentTls, brought: Brought) -> TlsReport:
    """A report is of one policy domain (RFC 8460 §5.1); what it says of others is theirs."""
    domain = next((clipped.domain_name(each.policy.policy_domain) for each in report.policies), "")
    policies = [each for each in report.policies if clipped.domain_name(each.policy.policy_domain) == domain]
    failures = [
        TlsFailure(
            policy=clipped.text(each.policy.policy_type),
            result=clipped.text(failure.result_type),
            sessions=clipped.count(failure.failed_session_count),
            receiving_host=clipped.text(failure.receiving_mx_hostname),
            receiving_address=clipped.text(failure.receiving_ip),
            sending_address=clipped.text(failure.sending_mta_ip),
            information=clipped.text(failure.additional_information or failure.failure_reason_code),
        )
        for each in policies
        for failure in each.failure_details
    ]
    failures.sort(key=lambda failure: -failure.sessions)
    return TlsReport(
        id="",
        domain=domain,
        reporter=clipped.text(report.organization_name),
        reporter_email=clipped.text(report.contact_info),
        sender_domain=brought.sender_domain,
        report_id=clipped.text(report.report_id),
        begins_at=clipped.date(report.date_range.start_datetime),
        ends_at=clipped.date(report.date_range.end_datetime),
        received_at=utc_date(brought.received_ms),
        policies=list(dict.fromkeys(clipped.text(each.policy.policy_type) for each in policies))[:_POLICIES],
        succeeded=sum(clipped.count(each.summary.total_successful_session_count) for each in policies),
        failed=sum(clipped.count(each.summary.total_failure_session_count) for each in policies),
        failures=failures[:MAX_SOURCES],
        failures_omitted=max(0, len(failures) - MAX_SOURCES),
        key=clipped.key(brought.sender_domain, report.organization_name, report.report_id, domain),
    )
