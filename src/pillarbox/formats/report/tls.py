"""TLS reports: how connections to a domain's mail exchanges went, counted by who made them; read and written.

Sections: RFC 8460 §4.2, §4.3, §4.4, §5.1, §5.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import msgspec

from pillarbox.formats.message.build import build_message
from pillarbox.formats.message.draft import Draft, DraftField, DraftPart, Text
from pillarbox.formats.report.compressed import RefusedReport, report_octets
from pillarbox.formats.report.dmarc import pack
from pillarbox.formats.report.heading import Heading, common_fields

MAX_POLICIES = 1000
MAX_FAILURES = 10_000
# A JSON document without numbers as long as books, and without a thousand brackets in each other.
_DEEP = re.compile(rb"[\[{][\s\[{]{200}")


class DateRange(msgspec.Struct, frozen=True, rename="kebab"):
    """The period, as RFC 3339 writes it."""

    start_datetime: str
    end_datetime: str


class TlsPolicy(msgspec.Struct, frozen=True, rename="kebab", kw_only=True):
    """What was applied: `tlsa`, `sts` or `no-policy-found`. Receivers write `mx-host` as a text or as a list."""

    policy_type: str
    policy_domain: str = ""
    policy_string: list[str] | str = []
    mx_host: list[str] | str = []


class Summary(msgspec.Struct, frozen=True, rename="kebab"):
    """How many sessions there were."""

    total_successful_session_count: int = 0
    total_failure_session_count: int = 0


class Failure(msgspec.Struct, frozen=True, rename="kebab", kw_only=True, omit_defaults=True):
    """Sessions that failed for the same reason (§4.3)."""

    result_type: str
    sending_mta_ip: str = ""
    receiving_mx_hostname: str = ""
    receiving_mx_helo: str = ""
    receiving_ip: str = ""
    failed_session_count: int = 0
    additional_information: str = ""
    failure_reason_code: str = ""


class PolicyResult(msgspec.Struct, frozen=True, rename="kebab"):
    """A policy with what came of it."""

    policy: TlsPolicy
    summary: Summary = Summary()
    failure_details: list[Failure] = []


class TlsReport(msgspec.Struct, frozen=True, rename="kebab", kw_only=True):
    """A report (§4.4)."""

    organization_name: str = ""
    date_range: DateRange
    contact_info: str = ""
    report_id: str = ""
    policies: list[PolicyResult]


_DECODER = msgspec.json.Decoder(TlsReport, strict=False)


def parse_tls_report(data: bytes) -> TlsReport:
    """The report in a document, packed or not. Raises RefusedReport for what is none."""
    octets = report_octets(data).removeprefix(b"\xef\xbb\xbf")
    if _DEEP.search(octets):
        raise RefusedReport("the report is too deep")
    try:
        report = _DECODER.decode(octets)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedReport(f"the document is no TLS report: {str(error)[:200]}") from None
    if len(report.policies) > MAX_POLICIES or sum(len(p.failure_details) for p in report.policies) > MAX_FAILURES:
        raise RefusedReport("the report has too many policies or failures")
    return report


def tls_report_to_json(report: TlsReport) -> bytes:
    """The document."""
    return msgspec.json.encode(report)


def file_name(report: TlsReport, submitter: str, domain: str, unique_id: str = "") -> str:
    """The name of the packed file (§5.1): submitter ! policy domain ! begin ! end ! id, times in seconds."""
    period = report.date_range
    unique = re.sub("[^A-Za-z0-9]", "", unique_id)
    parts = [submitter, domain, _seconds(period.start_datetime), _seconds(period.end_datetime), *filter(None, [unique])]
    return "!".join(re.sub(r"[^A-Za-z0-9._-]", "_", part) for part in parts) + ".json.gz"


def tls_report_to_bytes(
    report: TlsReport, heading: Heading, submitter: str, domain: str, boundary: Callable[[], str]
) -> bytes:
    """The message that carries a report about a policy domain (§5.3); it must be signed by DKIM.

    `submitter` is our domain.
    """
    title = f"Report Domain: {domain} Submitter: {submitter} Report-ID: <{report.report_id}>"
    fields = [
        *common_fields(heading, title, ()),
        DraftField("TLS-Report-Domain", Text(domain)),
        DraftField("TLS-Report-Submitter", Text(submitter)),
        # RFC 8689 §5: a report about broken TLS must arrive all the same.
        DraftField("TLS-Required", Text("No")),
        DraftField("Auto-Submitted", Text("auto-generated")),
    ]
    parts = (
        DraftPart(type="text/plain", content=f"This is a TLS report about {domain} from {submitter} (RFC 8460).\n"),
        DraftPart(
            type="application/tlsrpt+gzip",
            disposition="attachment",
            name=file_name(report, submitter, domain, report.report_id),
            content=pack(tls_report_to_json(report)),
        ),
    )
    body = DraftPart(type="multipart/report", parameters=(("report-type", "tlsrpt"),), sub_parts=parts)
    return build_message(Draft(tuple(fields), body), boundary)


def _seconds(moment: str) -> str:
    try:
        return str(int(datetime.fromisoformat(moment).timestamp()))
    except (ValueError, OverflowError):
        return "0"
