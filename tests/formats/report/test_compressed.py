from __future__ import annotations

import io
import zipfile

import pytest

from pillarbox.formats.report.compressed import MAX_REPORT, RefusedReport, report_octets
from pillarbox.formats.report.dmarc import pack

TEXT = b"<feedback>" + bytes(range(32, 127)) * 20


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, streamed: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(Stream(out) if streamed else out, "w", method) as archive:
        for name, octets in files:
            archive.writestr(zipfile.ZipInfo(name), octets, method)
    return out.getvalue()


class Stream(io.RawIOBase):
    """A file that cannot be sought in, so that sizes stand behind the data."""

    def __init__(self, out: io.BytesIO) -> None:
        self.out = out

    def writable(self) -> bool:
        return True

    def write(self, octets: object) -> int:
        return self.out.write(octets)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "data",
    [
        TEXT,
        pack(TEXT),
        zipped(("a.xml", TEXT)),
        zipped(("a.xml", TEXT), method=zipfile.ZIP_STORED),
        zipped(("a.xml", TEXT), streamed=True),
        zipped(("folder/", b""), ("folder/a.xml", TEXT), streamed=True),
    ],
)
def test_a_document_is_taken_out_of_its_archive(data: bytes) -> None:
    assert report_octets(data) == TEXT


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (pack(bytes(MAX_REPORT + 1)), "too large"),
        (pack(bytes(5_000_000)), "too large"),  # a thousandth
        (zipped(("a", bytes(MAX_REPORT + 1))), "too large"),
        (b"<" + bytes(MAX_REPORT), "too large"),
        (pack(pack(TEXT)), "packed twice"),
        (zipped(("a.gz", pack(TEXT))), "packed twice"),
        (zipped(("a.zip", zipped(("b", TEXT)))), "packed twice"),
        (zipped(*((f"{number}", b"") for number in range(1000))), "no report"),
        (zipped(("a", TEXT), method=zipfile.ZIP_BZIP2), "in a way"),
        (pack(TEXT)[:-9], "cut off"),
        (pack(TEXT)[:40] + b"x" * 40, "damaged"),
        (pack(TEXT)[:-8] + b"x" * 8, "damaged"),
        (b"PK\x03\x04", "no report"),
        (b"PK\x03\x04\x14\x00\x01\x00" + bytes(40), "encrypted"),
    ],
)
def test_bombs_and_wrecks_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(RefusedReport, match=reason):
        report_octets(data)


def test_small_reports_may_be_packed_very_well() -> None:
    assert len(report_octets(pack(b"a" * 1_000_000))) == 1_000_000
