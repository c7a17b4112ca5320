from __future__ import annotations

import gzip
from datetime import UTC, datetime

import pytest

from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.message.header import find
from pillarbox.formats.message.scan import scan
from pillarbox.formats.report.compressed import RefusedReport
from pillarbox.formats.report.heading import Heading
from pillarbox.formats.report.incoming import report_of
from pillarbox.formats.report.tls import (
    DateRange,
    Failure,
    PolicyResult,
    Summary,
    TlsPolicy,
    TlsReport,
    parse_tls_report,
    tls_report_to_bytes,
    tls_report_to_json,
)

REPORT = TlsReport(
    organization_name="Sender",
    date_range=DateRange("2026-11-01T00:00:00Z", "2026-11-01T23:59:59Z"),
    contact_info="tls@sender.example",
    report_id="2026-11-01T00:00:00Z_example.org",
    policies=[
        PolicyResult(
            TlsPolicy(
                policy_type="sts",
                policy_domain="example.org",
                policy_string=["version: STSv1"],
                mx_host=["*.example.org"],
            ),
            Summary(5326, 303),
            [Failure(result_type="certificate-expired", sending_mta_ip="2001:db8::1", failed_session_count=303)],
        )
    ],
)

# As some receivers write it: texts for lists and numbers, unknown members, nothing that may be missing.
LOOSE = b"""{"date-range": {"start-datetime": "a", "end-datetime": "b"}, "x": {"y": [1]}, "policies": [
  {"policy": {"policy-type": "no-policy-found", "mx-host": "mx.example.org"},
  "summary": {"total-successful-session-count": "7"}}]}"""


def test_a_report_that_was_written_is_read() -> None:
    assert parse_tls_report(tls_report_to_json(REPORT)) == REPORT
    assert parse_tls_report(gzip.compress(tls_report_to_json(REPORT))) == REPORT
    assert b'"total-failure-session-count":303' in tls_report_to_json(REPORT)


def test_a_report_that_is_loose_is_read() -> None:
    report = parse_tls_report(LOOSE)
    assert report.policies[0].policy.mx_host == "mx.example.org"
    assert report.policies[0].summary.total_successful_session_count == 7


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"x":' * 100_000,
        b'{"x":[' * 100_000,
        LOOSE[:-3],
        LOOSE.replace(b'"7"', b'"x"'),
    ],
)
def test_what_is_no_report_is_refused(document: bytes) -> None:
    with pytest.raises(RefusedReport):
        parse_tls_report(document)


def test_reports_of_very_many_policies_and_failures_are_refused() -> None:
    head, _, policy = LOOSE.partition(b"[\n")
    policy = policy[:-2]
    with pytest.raises(RefusedReport, match="too many"):
        parse_tls_report(head + b"[" + b",".join([policy] * 1001) + b"]}")


def test_the_message_says_what_it_is() -> None:
    heading = Heading(
        EmailAddress(None, "tls@sender.example"),
        EmailAddress(None, "r@example.org"),
        datetime(2026, 11, 2, tzinfo=UTC),
        "1@sender.example",
    )
    octets = tls_report_to_bytes(REPORT, heading, "sender.example", "example.org", lambda: "b")
    structure = scan(octets)
    assert report_of(structure, octets) == REPORT
    assert find(octets, structure.root.fields, "TLS-Report-Domain") == b" example.org"
    assert find(octets, structure.root.fields, "TLS-Required") == b" No"
    part = next(part for part in structure.leaves() if part.type == "application/tlsrpt+gzip")
    assert part.name == "sender.example!example.org!1793491200!1793577599!20261101T000000Zexampleorg.json.gz"
    assert b'report-type="tlsrpt"' in octets or b"report-type=tlsrpt" in octets
