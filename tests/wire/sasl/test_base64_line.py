import pytest

from pillarbox.wire.sasl.base64_line import MAX_LINE, decode, encode
from pillarbox.wire.sasl.step import Malformed


def test_what_is_encoded_is_decoded() -> None:
    for octets in (b"", b"\x00", b"\x00tim\x00tanstaaftanstaaf", bytes(range(256))):
        assert decode(encode(octets)) == octets


@pytest.mark.parametrize(
    "line", [b"=", b"A", b"AA", b"AAA", b"AB==", b"AA==AA==", b"AA==\n", b" AAAA", b"AA-_", b"AAAA\x00", b"\xff\xff"]
)
def test_what_no_encoder_writes_is_refused(line: bytes) -> None:
    with pytest.raises(Malformed):
        decode(line)


def test_a_line_too_long_for_any_mechanism_is_not_decoded() -> None:
    with pytest.raises(Malformed):
        decode(b"A" * (MAX_LINE // 4 * 4 + 4))
