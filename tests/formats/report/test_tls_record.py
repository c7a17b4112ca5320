from __future__ import annotations

import pytest

from pillarbox.formats.report.tls_record import TlsDestinations, read_tls_record


@pytest.mark.parametrize(
    ("text", "addresses", "urls"),
    [
        (b"v=TLSRPTv1;rua=mailto:a@example.org", ("a@example.org",), ()),
        (
            b"v=TLSRPTv1; rua=https://r.example/v1?x=1 , mailto:a%2Cb@example.org",
            (),
            ("https://r.example/v1?x=1",),
        ),
        (b"v=TLSRPTv1; x=1; rua=mailto:a@example.org,MAILTO:a@example.org;", ("a@example.org",), ()),
        (b"v=TLSRPTv1; rua=http://r.example/,ftp://x,mailto:,mailto:a b@c.example", (), ()),
        (b"v=TLSRPTv1; rua=mailto:a%0D%0ARCPT@example.org", (), ()),
        (b"v=TLSRPTv1;", (), ()),
        (b"v=TLSRPTv2; rua=mailto:a@example.org", (), ()),
        (b"v=TLSRPTv10; rua=mailto:a@example.org", (), ()),
        (b"v=TLSRPTv1; \xff\xfe rua=mailto:a@example.org", (), ()),
    ],
)
def test_destinations_are_read_and_what_is_none_is_left_out(
    text: bytes, addresses: tuple[str, ...], urls: tuple[str, ...]
) -> None:
    assert read_tls_record([b"other", text]) == TlsDestinations(addresses, urls)


def test_two_records_are_as_good_as_none() -> None:
    record = b"v=TLSRPTv1; rua=mailto:a@example.org"
    assert read_tls_record([record, record]) == TlsDestinations()
    assert read_tls_record([record + b"," * 5000]) == TlsDestinations()
    assert read_tls_record([]) == TlsDestinations()


def test_destinations_are_bounded() -> None:
    many = b",".join(b"mailto:a%d@example.org" % n for n in range(50))
    assert len(read_tls_record([b"v=TLSRPTv1; rua=" + many]).addresses) == 10
