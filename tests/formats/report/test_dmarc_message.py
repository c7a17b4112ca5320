from __future__ import annotations

from datetime import UTC, datetime

from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.message.header import as_text, find
from pillarbox.formats.message.scan import scan
from pillarbox.formats.report.dmarc import DmarcReport, DmarcRow, PublishedPolicy
from pillarbox.formats.report.dmarc_message import dmarc_report_to_bytes
from pillarbox.formats.report.heading import Heading
from pillarbox.formats.report.incoming import is_report, report_of

REPORT = DmarcReport(
    organization="Receiver",
    email="dmarc@receiver.example",
    report_id="1.2@receiver.example",
    version="1.0",
    begins_at=1,
    ends_at=2,
    policy=PublishedPolicy(domain="example.org"),
    rows=(
        DmarcRow(
            source_ip="192.0.2.1", count=1, disposition="none", dkim="fail", spf="fail", header_from="example.org"
        ),
    ),
)
HEADING = Heading(
    EmailAddress(None, "dmarc@receiver.example"),
    EmailAddress(None, "r@example.org"),
    datetime(2026, 11, 1, tzinfo=UTC),
    "1.2@receiver.example",
)


def test_the_message_is_recognized_and_has_the_name_and_subject_of_the_rfc() -> None:
    octets = dmarc_report_to_bytes(REPORT, HEADING, "receiver.example", lambda: "b", "a-1")
    structure = scan(octets)
    assert report_of(structure, octets) == REPORT
    assert is_report(structure, octets)
    part = next(part for part in structure.leaves() if part.type == "application/gzip")
    assert (part.name, part.disposition) == ("receiver.example!example.org!1!2!a1.xml.gz", "attachment")
    title = as_text(find(octets, structure.root.fields, "Subject") or b"")
    assert title == "Report Domain: example.org Submitter: receiver.example Report-ID: <1.2@receiver.example>"
