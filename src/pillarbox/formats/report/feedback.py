"""Feedback about one message: complaints, and failures of authentication; read, the latter written too.

Sections: RFC 5965 §2, §3; RFC 6591 §3; RFC 9991 §4.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from pillarbox.formats.message.build import build_message
from pillarbox.formats.message.date import parse_date
from pillarbox.formats.message.draft import Draft, DraftField, DraftPart, Raw
from pillarbox.formats.message.field import date_to_text
from pillarbox.formats.message.header import as_addresses, as_message_ids, as_text, find
from pillarbox.formats.message.scan import scan
from pillarbox.formats.message.structure import Structure
from pillarbox.formats.report.compressed import RefusedReport
from pillarbox.formats.report.heading import Heading, common_fields
from pillarbox.formats.report.original import MAX_HEADER, original_header
from pillarbox.formats.report.report_field import Group, group_to_bytes, last_value, report_part

TYPE = "message/feedback-report"
MAX_VALUES = 100
# Of the machine-readable part: a few hundred octets in honest reports.
MAX_OCTETS, MAX_FIELDS = 262_144, 1000


class FeedbackReport(msgspec.Struct, frozen=True, kw_only=True):
    """A report (RFC 5965 §3). `feedback_type` is abuse, fraud, auth-failure, not-spam, virus, ...

    `fields` is all that the machine-readable part says; `header` the header of the message that it is about, cut at
    64 KiB, and `message_id`, `author` and `subject` are out of it. Everything is a stranger's text.
    """

    feedback_type: str
    user_agent: str = ""
    version: str = ""
    source_ip: str = ""
    reporting_mta: str = ""
    original_mail_from: str = ""
    original_rcpt_to: tuple[str, ...] = ()
    original_envelope_id: str = ""
    arrived_at: datetime | None = None
    reported_domains: tuple[str, ...] = ()
    reported_uris: tuple[str, ...] = ()
    authentication_results: tuple[str, ...] = ()
    incidents: int = 1
    # RFC 6591 §3.1, RFC 9991 §4
    auth_failure: str = ""
    delivery_result: str = ""
    identity_alignment: str = ""
    dkim_domain: str = ""
    dkim_identity: str = ""
    dkim_selector: str = ""
    spf_dns: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    header: bytes = b""
    message_id: str = ""
    author: str = ""
    subject: str = ""


def parse_feedback(structure: Structure, data: bytes) -> FeedbackReport | None:
    """The feedback in a message, None if there is none with a type. Raises RefusedReport for a harmful one."""
    if any(part.type == TYPE and part.body_end - part.body_start > MAX_OCTETS for part in structure.leaves()):
        raise RefusedReport("the report is too large")
    found = report_part(data, structure, (TYPE,))
    if found is None:
        return None
    group = [field for fields in found[1] for field in fields]
    if len(group) > MAX_FIELDS:
        raise RefusedReport("the report has too many fields")
    kind = _first_word(last_value(group, "feedback-type"))
    if not kind:
        return None
    header = original_header(structure, data)
    fields = scan(header).root.fields
    ids = as_message_ids(find(header, fields, "Message-ID") or b"") or []
    authors = as_addresses(find(header, fields, "From") or b"")
    incidents = _first_word(last_value(group, "incidents"))
    return FeedbackReport(
        feedback_type=kind,
        user_agent=last_value(group, "user-agent") or "",
        version=last_value(group, "version") or "",
        source_ip=_first_word(last_value(group, "source-ip")),
        reporting_mta=(last_value(group, "reporting-mta") or "").rpartition(";")[2].strip(),
        original_mail_from=_bare(last_value(group, "original-mail-from") or ""),
        original_rcpt_to=tuple(map(_bare, _values(group, "original-rcpt-to"))),
        original_envelope_id=last_value(group, "original-envelope-id") or "",
        arrived_at=parse_date(last_value(group, "arrival-date") or last_value(group, "received-date") or ""),
        reported_domains=_values(group, "reported-domain"),
        reported_uris=_values(group, "reported-uri"),
        authentication_results=_values(group, "authentication-results"),
        incidents=int(incidents) if incidents.isdecimal() and len(incidents) < 10 else 1,
        auth_failure=_first_word(last_value(group, "auth-failure")),
        delivery_result=_first_word(last_value(group, "delivery-result")),
        identity_alignment=(last_value(group, "identity-alignment") or "").lower(),
        dkim_domain=last_value(group, "dkim-domain") or "",
        dkim_identity=last_value(group, "dkim-identity") or "",
        dkim_selector=last_value(group, "dkim-selector") or "",
        spf_dns=_values(group, "spf-dns"),
        fields=tuple(group),
        header=header,
        message_id=ids[0] if ids else "",
        author=authors[0].email if authors else "",
        subject=as_text(find(header, fields, "Subject") or b""),
    )


def feedback_to_bytes(report: FeedbackReport, heading: Heading, boundary: Callable[[], str]) -> bytes:
    """The message that carries a report about the message whose header it has; only header fields are sent.

    To be sent with the null reverse-path (RFC 6591 §3), signed. Raises ValueError without a type.
    """
    if not report.feedback_type:
        raise ValueError("feedback has a type")
    about = report.subject or report.message_id or "a message"
    what = report.auth_failure or report.feedback_type
    fields = [*common_fields(heading, f"FW: {about}", ()), DraftField("Auto-Submitted", Raw(" auto-generated"))]
    text = (
        f"This is a report about a message that claims to be from {report.author or 'your domain'}, and came from"
        f" {report.source_ip or 'somewhere'}: {what}. Its header is attached.\n"
    )
    parts = (
        DraftPart(type="text/plain", content=text),
        DraftPart(type=TYPE, content=group_to_bytes(_group(report))),
        DraftPart(
            type="text/rfc822-headers" if report.header.isascii() else "message/global-headers",
            content=report.header[:MAX_HEADER],
        ),
    )
    body = DraftPart(type="multipart/report", parameters=(("report-type", "feedback-report"),), sub_parts=parts)
    return build_message(Draft(tuple(fields), body), boundary)


def _group(report: FeedbackReport) -> list[tuple[str, str | None]]:
    moment = report.arrived_at
    return [
        ("Feedback-Type", report.feedback_type),
        ("User-Agent", report.user_agent or "Pillarbox"),
        ("Version", report.version or "1"),
        ("Auth-Failure", report.auth_failure),
        ("Identity-Alignment", report.identity_alignment),
        ("Delivery-Result", report.delivery_result),
        ("Original-Envelope-Id", report.original_envelope_id),
        ("Original-Mail-From", f"<{report.original_mail_from}>"),
        *(("Original-Rcpt-To", f"<{address}>") for address in report.original_rcpt_to),
        ("Arrival-Date", None if moment is None else date_to_text(moment)),
        ("Reporting-MTA", report.reporting_mta and f"dns; {report.reporting_mta}"),
        ("Source-IP", report.source_ip),
        ("Incidents", str(report.incidents) if report.incidents > 1 else None),
        ("DKIM-Domain", report.dkim_domain),
        ("DKIM-Identity", report.dkim_identity),
        ("DKIM-Selector", report.dkim_selector),
        *(("SPF-DNS", text) for text in report.spf_dns),
        *(("Authentication-Results", text) for text in report.authentication_results),
        *(("Reported-Domain", domain) for domain in report.reported_domains),
        *(("Reported-URI", uri) for uri in report.reported_uris),
    ]


def _values(group: Group, name: str) -> tuple[str, ...]:
    return tuple(value for key, value in group if key.lower() == name and value)[:MAX_VALUES]


def _first_word(value: str | None) -> str:
    words = (value or "").split(None, 1)
    return words[0].partition("(")[0].lower() if words else ""


def _bare(address: str) -> str:
    return address.strip().removeprefix("<").removesuffix(">")
