from __future__ import annotations

import gzip

import pytest

from pillarbox.formats.report.compressed import RefusedReport
from pillarbox.formats.report.dmarc import (
    DkimResult,
    DmarcReport,
    DmarcRow,
    Override,
    PublishedPolicy,
    SpfReported,
)
from pillarbox.formats.report.dmarc_xml import dmarc_report_to_xml, parse_dmarc_report

REPORT = DmarcReport(
    organization='Receiver & <Sons> "Ltd"',
    email="dmarc@receiver.example",
    report_id="1@receiver.example",
    begins_at=1_790_000_000,
    ends_at=1_790_086_399,
    version="1.0",
    generator="Pillarbox",
    extra_contact="https://receiver.example/?a&b",
    errors=("two records",),
    policy=PublishedPolicy(
        domain="example.org",
        p="reject",
        sp="none",
        np="reject",
        adkim="r",
        aspf="s",
        fo="1:d",
        testing="y",
        discovery_method="treewalk",
    ),
    rows=(
        DmarcRow(
            source_ip="2001:db8::1",
            count=123,
            disposition="none",
            dkim="fail",
            spf="pass",
            header_from="example.org",
            envelope_from="bounce.example.org",
            envelope_to="example.com",
            reasons=(Override("local_policy", "arc=pass"), Override("other")),
            dkim_results=(
                DkimResult("example.org", "S1", "fail", "bad <signature>"),
                DkimResult("x.example", "a", "pass"),
            ),
            spf_results=(SpfReported("bounce.example.org", "pass", "mfrom"),),
        ),
        DmarcRow(
            source_ip="192.0.2.1", count=1, disposition="reject", dkim="fail", spf="fail", header_from="a.example.org"
        ),
    ),
)

# As receivers wrote it by RFC 7489, with what they add and leave out.
OLD = b"""<?xml version="1.0" encoding="ISO-8859-1" ?>
<!-- made by hand -->
<feedback>
  <report_metadata>
    <org_name>Empf\xe4nger</org_name><email>noreply@receiver.example</email><report_id>42</report_id>
    <date_range><begin> 1789000000 </begin><end>soon</end></date_range>
  </report_metadata>
  <policy_published><domain>Example.org</domain><p>none</p><pct>100</pct></policy_published>
  <record>
    <row><source_ip>192.0.2.9</source_ip><count>7</count>
      <policy_evaluated><disposition>NONE</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row>
    <identifiers><header_from>Example.org</header_from></identifiers>
    <auth_results>
      <spf xmlns="urn:other"><domain>not.ours</domain></spf>
      <spf><domain>example.org</domain><scope>helo</scope><result>hardfail</result></spf>
    </auth_results>
    <ext:more xmlns:ext="urn:ext"><ext:row>5</ext:row></ext:more>
  </record>
</feedback>"""


def test_a_report_that_was_written_is_read() -> None:
    octets = dmarc_report_to_xml(REPORT)
    assert parse_dmarc_report(octets) == REPORT
    assert parse_dmarc_report(gzip.compress(octets)) == REPORT


def test_a_report_of_the_old_kind_is_read() -> None:
    report = parse_dmarc_report(OLD)
    assert (report.organization, report.begins_at, report.ends_at) == ("Empfänger", 1_789_000_000, 0)
    assert report.policy == PublishedPolicy(domain="example.org", p="none", pct=100)
    (row,) = report.rows
    assert (row.count, row.disposition, row.passes, row.header_from) == (7, "none", True, "example.org")
    assert row.spf_results == (SpfReported("example.org", "hardfail", "helo"),)


LAUGHS = b"""<!DOCTYPE feedback [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<feedback><record>&b;</record></feedback>"""
OUTSIDE = b"""<!DOCTYPE feedback [<!ENTITY x SYSTEM "file:///etc/passwd">]><feedback><record>&x;</record></feedback>"""


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (LAUGHS, "document type"),
        (OUTSIDE, "document type"),
        (b'<?xml version="1.0"?>' + OUTSIDE, "document type"),
        (LAUGHS.decode().encode("utf-16"), "document type"),
        (b'<!DOCTYPE feedback SYSTEM "http://192.0.2.1/x.dtd"><feedback/>', "document type"),
        (b"<feedback>&x;<record/></feedback>", "no XML"),
        (b"<feedback>" + b"<a>" * 50, "too deep"),
        (b"<html><record/></html>", "no DMARC report"),
        (b"<feedback></feedback>", "no records"),
        (b"<feedback><record>", "no XML"),
        (b"", "no XML"),
        (b"\x00\x01", "no XML"),
        (b"<?xml version='1.0' encoding='x-unknown'?><feedback/>", "no XML"),
        (b"<feedback>" + b"<record/>" * 50_001 + b"</feedback>", "too many records"),
    ],
)
def test_bombs_and_what_is_no_report_are_refused(document: bytes, reason: str) -> None:
    with pytest.raises(RefusedReport, match=reason):
        parse_dmarc_report(document)


def test_texts_and_repetitions_are_cut() -> None:
    document = b"<feedback><report_metadata><org_name>" + b"x" * 100_000 + b"</org_name></report_metadata><record>"
    document += (
        b"<auth_results>" + b"<dkim><domain>a.example</domain></dkim>" * 500 + b"</auth_results></record></feedback>"
    )
    report = parse_dmarc_report(document)
    assert len(report.organization) == 2000
    assert len(report.rows[0].dkim_results) == 100


def test_numbers_that_are_none_are_zero() -> None:
    for text in ("-5", "9" * 5000, "1e9", "٣", ""):
        document = f"<feedback><record><row><count>{text}</count></row></record></feedback>"
        assert parse_dmarc_report(document.encode()).rows[0].count == 0


def test_what_xml_cannot_hold_is_left_out_when_written() -> None:
    evil = DmarcReport(
        organization="a\x00\x0b\ud800<x>]]>",
        email="",
        report_id="",
        begins_at=0,
        ends_at=0,
        policy=PublishedPolicy(domain="d"),
        rows=REPORT.rows,
    )
    assert parse_dmarc_report(dmarc_report_to_xml(evil)).organization == "a<x>]]>"
