"""Reports of others about our domains become records: read within bounds, stored once, and forgotten in time.

Sections: RFC 9990 §3; RFC 8460 §4.4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import from_date, utc_date
from pillarbox.datatypes.admin.dmarc_report import DMARC_REPORT, DmarcReport, DmarcSource
from pillarbox.datatypes.admin.domain import domain_of
from pillarbox.datatypes.admin.tls_report import TLS_REPORT, TlsFailure, TlsReport
from pillarbox.datatypes.declare import DataType
from pillarbox.datatypes.view import Transaction, View
from pillarbox.formats.mailauth.domain import to_ascii
from pillarbox.formats.report.dmarc import DmarcReport as SentDmarc
from pillarbox.formats.report.dmarc import DmarcRow
from pillarbox.formats.report.incoming import read_report
from pillarbox.formats.report.tls import TlsReport as SentTls
from pillarbox.services.reports.inbox import Brought

MAX_SOURCES = 300
_TEXT = 255
_LIST = 10
_MOST_COUNT = 10**12


def read(brought: Brought) -> DmarcReport | TlsReport | None:
    """The record that a message becomes, without an id; None if it carries no report of these kinds.

    Raises RefusedReport. May take a second: not for the event loop.
    """
    report = read_report(brought.structure, brought.data)
    if isinstance(report, SentDmarc):
        return _from_dmarc(report, brought)
    return _from_tls(report, brought) if isinstance(report, SentTls) else None


def keep(tx: Transaction, reports: Sequence[DmarcReport | TlsReport]) -> int:
    """Store those about our domains that are not there yet; how many."""
    kept = 0
    for report in reports:
        if domain_of(tx, report.domain) is None:
            continue
        if isinstance(report, DmarcReport):
            kept += _keep(tx, DMARC_REPORT, report)
        else:
            kept += _keep(tx, TLS_REPORT, report)
    return kept


def is_of_interest(view: View, report: DmarcReport | TlsReport) -> bool:
    """Whether it is about a domain of ours."""
    return domain_of(view, report.domain) is not None


def forget(tx: Transaction, before: str, most: int) -> int:
    """Delete reports that were received before a UTCDate, the oldest first; how many, at most so many of each kind."""
    count = 0
    for kind in (DMARC_REPORT, TLS_REPORT):
        for report in _oldest(tx, kind, most):
            if report.received_at < before:
                tx.write(kind, DIRECTORY, report, None)
                count += 1
    return count


def _oldest(view: View, kind: DataType[Any], most: int) -> Sequence[Any]:
    return list(view.get_many(kind, DIRECTORY, view.ids(kind, DIRECTORY, most)).values())


def _keep(tx: Transaction, kind: DataType[Any], report: DmarcReport | TlsReport) -> int:
    if tx.find(kind, DIRECTORY, "key", [report.key]):
        return 0
    tx.write(kind, DIRECTORY, None, msgspec.structs.replace(report, id=tx.new_id(kind)))
    return 1


def _from_dmarc(report: SentDmarc, brought: Brought) -> DmarcReport:
    domain, policy = _domain(report.policy.domain), report.policy
    rows = sorted(report.rows, key=lambda row: (row.passes, -row.count))

    def total(test: Callable[[DmarcRow], bool]) -> int:
        return sum(_count(row.count) for row in rows if test(row))

    return DmarcReport(
        id="",
        domain=domain,
        reporter=_text(report.organization),
        reporter_email=_text(report.email),
        sender_domain=brought.sender_domain,
        report_id=_text(report.report_id),
        begins_at=_seconds(report.begins_at),
        ends_at=_seconds(report.ends_at),
        received_at=utc_date(brought.received_ms),
        policy=_text(policy.p),
        subdomain_policy=_text(policy.sp),
        is_testing=policy.testing == "y",
        messages=total(lambda _row: True),
        passed=total(lambda row: row.passes),
        quarantined=total(lambda row: row.disposition == "quarantine"),
        rejected=total(lambda row: row.disposition == "reject"),
        sources=[_source(row) for row in rows[:MAX_SOURCES]],
        sources_omitted=max(0, len(rows) - MAX_SOURCES),
        errors=_texts(report.errors),
        key=_key(brought.sender_domain, report.organization, report.report_id, domain),
    )


def _source(row: DmarcRow) -> DmarcSource:
    return DmarcSource(
        address=_text(row.source_ip),
        messages=_count(row.count),
        disposition=_text(row.disposition),
        dkim=_text(row.dkim),
        spf=_text(row.spf),
        header_from=_text(row.header_from),
        dkim_domains=_texts([each.domain for each in row.dkim_results if each.result == "pass"]),
        spf_domain=_text(next((each.domain for each in row.spf_results if each.result == "pass"), "")),
        reasons=_texts([each.type for each in row.reasons]),
    )


def _from_tls(report: SentTls, brought: Brought) -> TlsReport:
    """A report is of one policy domain (RFC 8460 §5.1); what it says of others is theirs."""
    domain = next((_domain(each.policy.policy_domain) for each in report.policies), "")
    policies = [each for each in report.policies if _domain(each.policy.policy_domain) == domain]
    failures = [
        TlsFailure(
            policy=_text(each.policy.policy_type),
            result=_text(failure.result_type),
            sessions=_count(failure.failed_session_count),
            receiving_host=_text(failure.receiving_mx_hostname),
            receiving_address=_text(failure.receiving_ip),
            sending_address=_text(failure.sending_mta_ip),
            information=_text(failure.additional_information or failure.failure_reason_code),
        )
        for each in policies
        for failure in each.failure_details
    ]
    failures.sort(key=lambda failure: -failure.sessions)
    return TlsReport(
        id="",
        domain=domain,
        reporter=_text(report.organization_name),
        reporter_email=_text(report.contact_info),
        sender_domain=brought.sender_domain,
        report_id=_text(report.report_id),
        begins_at=_date(report.date_range.start_datetime),
        ends_at=_date(report.date_range.end_datetime),
        received_at=utc_date(brought.received_ms),
        policies=list(dict.fromkeys(_text(each.policy.policy_type) for each in policies))[:_LIST],
        succeeded=sum(_count(each.summary.total_successful_session_count) for each in policies),
        failed=sum(_count(each.summary.total_failure_session_count) for each in policies),
        failures=failures[:MAX_SOURCES],
        failures_omitted=max(0, len(failures) - MAX_SOURCES),
        key=_key(brought.sender_domain, report.organization_name, report.report_id, domain),
    )


def _key(*words: str) -> str:
    """Who proved to send it, who says so, its id and what it is about: nobody can be there first in another's name."""
    return hashlib.sha256("\0".join(words).encode("utf-8", "replace")).hexdigest()


def _domain(name: str) -> str:
    return to_ascii(name.strip().rstrip(".").lower()) or ""


def _text(text: str) -> str:
    return "".join(sign for sign in text[:_TEXT] if sign.isprintable())


def _texts(texts: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(_text(text) for text in texts[:_LIST]))


def _count(count: int) -> int:
    return min(max(count, 0), _MOST_COUNT)


def _seconds(seconds: int) -> str:
    return utc_date(seconds * 1000) if 0 <= seconds < 2**33 else ""


def _date(text: str) -> str:
    ms = from_date(text.strip())
    return utc_date(ms) if ms is not None else ""
