"""Mail that carries reports, as other servers send it."""

from __future__ import annotations

from datetime import UTC, datetime

from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.report.dmarc import DkimResult, DmarcReport, DmarcRow, PublishedPolicy, SpfReported
from pillarbox.formats.report.dmarc_message import dmarc_report_to_bytes
from pillarbox.formats.report.heading import Heading
from pillarbox.formats.report.tls import (
    DateRange,
    Failure,
    PolicyResult,
    Summary,
    TlsPolicy,
    TlsReport,
    tls_report_to_bytes,
)

_HEADING = Heading(
    EmailAddress(None, "noreply@receiver.example"),
    EmailAddress(None, "postmaster@example.org"),
    datetime(2026, 11, 1, tzinfo=UTC),
    "1.2@receiver.example",
)


def row(address: str, count: int, *, passes: bool, **changes: object) -> DmarcRow:
    """A row of a report: by SPF and DKIM, or by neither."""
    result = "pass" if passes else "fail"
    given: dict[str, object] = {
        "source_ip": address,
        "count": count,
        "disposition": "none",
        "dkim": result,
        "spf": result,
        "header_from": "example.org",
        "dkim_results": (DkimResult("example.org", "s", result),),
        "spf_results": (SpfReported("example.org", result),),
    }
    return DmarcRow(**{**given, **changes})  # type: ignore[arg-type]


def dmarc_mail(*rows: DmarcRow, domain: str = "example.org", id: str = "r1", begins_at: int = 1_793_491_200) -> bytes:
    """A message with a DMARC aggregate report of the 1st of November 2026."""
    report = DmarcReport(
        organization="Receiver",
        email="noreply@receiver.example",
        report_id=id,
        version="1.0",
        begins_at=begins_at,
        ends_at=begins_at + 86_399,
        policy=PublishedPolicy(domain=domain, p="reject"),
        rows=rows,
    )
    return dmarc_report_to_bytes(report, _HEADING, "receiver.example", lambda: "boundary")


def tls_mail(
    succeeded: int,
    *failures: Failure,
    domain: str = "example.org",
    id: str = "t1",
    ends_at: str = "2026-11-01T23:59:59Z",
) -> bytes:
    """A message with a TLS report."""
    failed = sum(failure.failed_session_count for failure in failures)
    policy = TlsPolicy(policy_type="sts", policy_domain=domain)
    report = TlsReport(
        organization_name="Receiver",
        date_range=DateRange("2026-11-01T00:00:00Z", ends_at),
        contact_info="noreply@receiver.example",
        report_id=id,
        policies=[PolicyResult(policy, Summary(succeeded, failed), list(failures))],
    )
    return tls_report_to_bytes(report, _HEADING, "receiver.example", domain, lambda: "boundary")


def feedback_mail(
    *fields: str, type: str = "abuse", author: str = "alice@example.org", id: str = "f1", domain: str = "example.org"
) -> bytes:
    """A message with feedback, laid out as RFC 5965 Appendix B has it; `fields` are more of what machines read."""
    return "\r\n".join(
        [
            "From: Feedback <noreply@receiver.example>",
            "Subject: FW: Harbour",
            f"Message-ID: <{id}@receiver.example>",
            "MIME-Version: 1.0",
            'Content-Type: multipart/report; report-type=feedback-report; boundary="b"',
            "",
            "--b",
            "Content-Type: text/plain",
            "",
            "This is feedback.",
            "--b",
            "Content-Type: message/feedback-report",
            "",
            f"Feedback-Type: {type}",
            "User-Agent: Receiver/1.0",
            "Version: 1",
            "Source-IP: 192.0.2.9",
            "Arrival-Date: Mon, 13 Nov 2023 12:00:00 +0200",
            f"Reported-Domain: {domain}",
            *fields,
            "",
            "--b",
            "Content-Type: message/rfc822",
            "",
            f"From: <{author}>",
            "To: <user@receiver.example>",
            "Subject: Harbour",
            "Message-ID: <7@example.org>",
            "",
            "Buy boats.",
            "--b--",
            "",
        ]
    ).encode()
