import pytest

from pillarbox.wire.sasl.gs2 import Header, name_to_bytes, parse_header, parse_name
from pillarbox.wire.sasl.step import Malformed


def test_a_header_says_how_the_channel_is_bound_and_whom_to_act_as() -> None:
    assert parse_header(b"n,,n=user") == Header(b"n,,", "n")
    assert parse_header(b"y,a=a=2Cb=3D,n=user") == Header(b"y,a=a=2Cb=3D,", "y", authorization="a,b=")
    assert parse_header(b"p=tls-exporter,,n=u") == Header(b"p=tls-exporter,,", "p", "tls-exporter")


@pytest.mark.parametrize(
    "message", [b"", b"n", b"n,", b"n,x,", b"n,a=,", b"N,,", b"p,,", b"p=,,", b"p=a b,,", b"F,n,,"]
)
def test_what_is_no_header_is_refused(message: bytes) -> None:
    with pytest.raises(Malformed):
        parse_header(message)


@pytest.mark.parametrize("octets", [b"", b"a=", b"a=2c", b"a=41", b"a=2", b"\xff", b"a\x00b", b"a\nb", b"x" * 1025])
def test_what_is_no_name_is_refused(octets: bytes) -> None:
    with pytest.raises(Malformed):
        parse_name(octets)


def test_a_name_is_written_as_it_is_read() -> None:
    for name in ("a,b", "=2C", "zoë@example.org", "=,=,"):
        assert parse_name(name_to_bytes(name)) == name
