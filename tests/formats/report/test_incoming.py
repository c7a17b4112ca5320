from __future__ import annotations

import base64
import io
import zipfile

import pytest

from pillarbox.formats.message.scan import scan
from pillarbox.formats.report.compressed import RefusedReport
from pillarbox.formats.report.dmarc import DmarcReport, pack
from pillarbox.formats.report.incoming import is_report, read_report, report_of
from pillarbox.formats.report.tls import TlsReport

XML = b"<feedback><report_metadata><report_id>1</report_id></report_metadata><record/></feedback>"
JSON = b'\xef\xbb\xbf {"date-range": {"start-datetime": "a", "end-datetime": "b"}, "policies": []}'.removeprefix(
    b"\xef\xbb\xbf"
)
NAME = "receiver.example!example.org!1!2.xml.gz"


def zipped(octets: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("a.xml"), octets, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def message(type: str, octets: bytes, name: str = NAME, subject: str = "Hello") -> bytes:
    return (
        f"From: a@receiver.example\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: {type}; name="{name}"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n"
    ).encode() + base64.encodebytes(octets)


@pytest.mark.parametrize(
    ("type", "octets"),
    [
        ("application/gzip", pack(XML)),
        ("application/x-gzip", pack(XML)),
        ("application/zip", zipped(XML)),
        ("application/octet-stream", zipped(XML)),
        ("text/xml", XML),
        ("application/zip", pack(XML)),
    ],
)
def test_a_dmarc_report_is_found_whatever_it_is_called(type: str, octets: bytes) -> None:
    data = message(type, octets)
    assert isinstance(report_of(scan(data), data), DmarcReport)


@pytest.mark.parametrize(
    ("type", "octets"),
    [
        ("application/tlsrpt+gzip", pack(JSON)),
        ("application/tlsrpt+json", JSON),
        ("application/gzip", pack(JSON)),
        ("application/json", JSON),
    ],
)
def test_a_tls_report_is_found_too(type: str, octets: bytes) -> None:
    data = message(type, octets)
    assert isinstance(report_of(scan(data), data), TlsReport)


def test_the_subject_or_the_name_of_the_file_says_that_it_is_a_report() -> None:
    other = message("application/gzip", pack(XML), "backup.gz")
    assert read_report(scan(other), other) is None
    assert not is_report(scan(other), other)
    named = message("application/gzip", pack(XML), "backup.gz", "Report domain: example.org Submitter: x")
    assert isinstance(read_report(scan(named), named), DmarcReport)


def test_a_bomb_is_refused_with_its_reason() -> None:
    data = message("application/gzip", pack(bytes(26 * 1024 * 1024)))
    assert report_of(scan(data), data) is None
    assert is_report(scan(data), data)
    with pytest.raises(RefusedReport, match="too large when it is unpacked"):
        read_report(scan(data), data)


def test_few_of_very_many_attachments_are_looked_at() -> None:
    part = b'--b\r\nContent-Type: application/gzip; name="a!b!1!2.gz"\r\n\r\nx\r\n'
    good = b'--b\r\nContent-Type: text/xml; name="a!b!1!2.xml"\r\n\r\n' + XML + b"\r\n"
    head = b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    late = head + part * 500 + good + b"--b--\r\n"
    assert report_of(scan(late), late) is None
    early = head + part * 3 + good + b"--b--\r\n"
    assert isinstance(report_of(scan(early), early), DmarcReport)
