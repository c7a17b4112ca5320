"""The PROXY protocol's header, whole, in pieces, and broken."""

from __future__ import annotations

import pytest

from pillarbox.wire.proxy.header import End, Header, NotProxy, parse_header

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V4 = SIGNATURE + b"\x21\x11\x00\x0c" + bytes([192, 0, 2, 7, 198, 51, 100, 1]) + b"\x04\xd2\x00\x19"
V6 = (
    SIGNATURE
    + b"\x21\x21\x00\x27"
    + bytes.fromhex("20010db8" + "00" * 11 + "07") * 2
    + b"\x04\xd2\x00\x19"
    + b"\x04\x00\x00"
)
GOOD = [
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 1234 25\r\n", "192.0.2.7"),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 1234 25\r\n", "2001:db8::7"),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
    (V4, "192.0.2.7"),
    (V6, "2001:db8::7"),
    (SIGNATURE + b"\x20\x00\x00\x00", None),
    (SIGNATURE + b"\x21\x31\x00\x02ab", None),
]


@pytest.mark.parametrize(("octets", "address"), GOOD)
def test_a_header_is_read_whatever_follows_it_and_however_it_is_divided(octets: bytes, address: str | None) -> None:
    header = parse_header(octets + b"EHLO x\r\n")
    assert header is not None
    assert header.size == len(octets)
    assert (header.source.address if header.source else None) == address
    assert all(parse_header(octets[:size]) is None for size in range(len(octets)))


def test_both_ends_are_told() -> None:
    expected = Header(len(V4), End("192.0.2.7", 1234), End("198.51.100.1", 25))
    assert parse_header(V4) == expected


@pytest.mark.parametrize(
    "octets",
    [
        b"EHLO x\r\n",
        b"\x16\x03\x01",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 1234\r\n",
        b"PROXY TCP4 192.0.2.700 198.51.100.1 1234 25\r\n",
        b"PROXY TCP4 2001:db8::7 198.51.100.1 1234 25\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 99999 25\r\n",
        b"PROXY TCP4 192.0.2.7\n 198.51.100.1 1234 25\r\n",
        b"PROXY UNKNOWNX\r\n",
        b"PROXY " + b"x" * 200,
        SIGNATURE + b"\x11\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x22\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\x00\x04" + bytes(4),
        SIGNATURE + b"\x21\x11\xff\xff",
    ],
)
def test_anything_else_is_no_header(octets: bytes) -> None:
    with pytest.raises(NotProxy):
        parse_header(octets)
