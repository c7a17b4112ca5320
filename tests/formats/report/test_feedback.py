from __future__ import annotations

import base64
from datetime import UTC, datetime

import msgspec
import pytest

from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.message.scan import scan
from pillarbox.formats.report.compressed import RefusedReport
from pillarbox.formats.report.feedback import FeedbackReport, feedback_to_bytes, parse_feedback
from pillarbox.formats.report.heading import Heading
from pillarbox.formats.report.incoming import is_report, report_of

# After the example of RFC 5965 Appendix B.2.
ABUSE = b"""From: <abusedesk@example.com>
Subject: FW: Earn money
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is an email abuse report.
--b
Content-Type: message/feedback-report

Feedback-Type: Abuse
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <somespammer@example.net>
Original-Rcpt-To: <user@example.com>
Original-Rcpt-To: <other@example.com>
Arrival-Date: Thu, 8 Mar 2005 14:00:00 -0400
Reporting-MTA: dns; mail.example.com
Source-IP: 192.0.2.1
Authentication-Results: mail.example.com; spf=fail smtp.mail=somespammer@example.com
Reported-Domain: example.net
Reported-Uri: http://example.net/earn_money.html
Reported-Uri: mailto:user@example.com
Incidents: 3
Removal-Recipient: user@example.com

--b
Content-Type: message/rfc822

From: <somespammer@example.net>
Received: from mailserver.example.net
To: <Undisclosed Recipients>
Subject: Earn money
Message-ID: <8787KJKJ3K4J3K4J3K4J3.mail@example.net>

Spam Spam Spam
--b--
""".replace(b"\n", b"\r\n")
FAILURE = FeedbackReport(
    feedback_type="auth-failure",
    user_agent="Pillarbox",
    version="1",
    source_ip="192.0.2.1",
    reporting_mta="mx.example.com",
    original_mail_from="x@evil.example",
    original_rcpt_to=("you@example.com",),
    arrived_at=datetime(2026, 11, 1, 12, 0, tzinfo=UTC),
    reported_domains=("example.org",),
    auth_failure="dmarc",
    delivery_result="reject",
    identity_alignment="dkim, spf",
    header=b"From: Me <me@example.org>\r\nSubject: Hello\r\nMessage-ID: <1@example.org>\r\n\r\n",
    message_id="1@example.org",
    author="me@example.org",
    subject="Hello",
)
HEADING = Heading(
    EmailAddress(None, "dmarc@mx.example.com"),
    EmailAddress(None, "ruf@example.org"),
    datetime(2026, 11, 1, tzinfo=UTC),
    "1@mx.example.com",
)


def test_a_complaint_is_read() -> None:
    report = report_of(scan(ABUSE), ABUSE)
    assert isinstance(report, FeedbackReport)
    assert (report.feedback_type, report.source_ip, report.incidents) == ("abuse", "192.0.2.1", 3)
    assert report.original_mail_from == "somespammer@example.net"
    assert report.original_rcpt_to == ("user@example.com", "other@example.com")
    assert report.reporting_mta == "mail.example.com"
    assert report.reported_uris == ("http://example.net/earn_money.html", "mailto:user@example.com")
    assert ("Removal-Recipient", "user@example.com") in report.fields
    assert (report.author, report.subject) == ("somespammer@example.net", "Earn money")
    assert report.message_id == "8787KJKJ3K4J3K4J3K4J3.mail@example.net"
    assert report.header.endswith(b"J3.mail@example.net>\r\n")
    assert b"Spam Spam" not in report.header


def test_a_failure_that_was_written_is_read() -> None:
    octets = feedback_to_bytes(FAILURE, HEADING, lambda: "b")
    report = report_of(scan(octets), octets)
    assert isinstance(report, FeedbackReport)
    assert report.header.strip() == FAILURE.header.strip()
    assert msgspec.structs.replace(report, fields=(), header=FAILURE.header) == FAILURE
    assert is_report(scan(octets), octets)


def test_nothing_of_the_message_gets_another_field_into_the_report() -> None:
    evil = msgspec.structs.replace(
        FAILURE,
        original_mail_from="x\r\nAuth-Failure: spf",
        reporting_mta="a\nb",
        subject="x\r\nBcc: victim@example.net",
        spf_dns=("txt : x : \r\n\r\nFeedback-Type: abuse",),
    )
    octets = feedback_to_bytes(evil, HEADING, lambda: "b")
    report = parse_feedback(scan(octets), octets)
    assert report is not None
    assert (report.feedback_type, report.auth_failure) == ("auth-failure", "dmarc")
    assert b"\r\nBcc:" not in octets


def test_a_part_without_a_type_is_none_and_without_a_message_is_read() -> None:
    broken = ABUSE.replace(b"Feedback-Type: Abuse\r\n", b"")
    assert report_of(scan(broken), broken) is None
    bare = ABUSE[: ABUSE.index(b"--b\r\nContent-Type: message/rfc822")] + b"--b--\r\n"
    report = parse_feedback(scan(bare), bare)
    assert report is not None
    assert (report.header, report.message_id) == (b"", "")


def test_of_a_large_message_no_more_than_the_header_is_decoded() -> None:
    body = base64.encodebytes(b"From: <a@example.org>\r\n\r\n" + b"x" * 10_000_000)
    head, _, _ = ABUSE.partition(b"Content-Type: message/rfc822")
    large = head + b"Content-Type: message/global\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body + b"--b--\r\n"
    report = parse_feedback(scan(large), large)
    assert report is not None
    assert (report.author, report.header) == ("a@example.org", b"From: <a@example.org>\r\n")


@pytest.mark.parametrize("bomb", [b"X: y\r\n" * 1001, b"X: " + b"y" * 262_144])
def test_a_report_with_too_much_in_it_is_refused(bomb: bytes) -> None:
    large = ABUSE.replace(b"Incidents: 3\r\n", bomb + b"\r\n")
    with pytest.raises(RefusedReport):
        parse_feedback(scan(large), large)
    assert report_of(scan(large), large) is None
