"""Large and hostile parts are decoded piece by piece, to the same octets."""

import base64
import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.formats.message import transfer

_QP = st.lists(st.sampled_from([b"=41", b"=", b"==", b"=4", b" ", b"\t", b"\r", b"\n", b"\r\n", b"a", b"Z9", b"=\r\n"]))


@given(_QP.map(b"".join), st.integers(1, 9))
def test_quoted_printable_is_the_same_in_pieces(octets: bytes, size: int) -> None:
    pieces = list(transfer._qp_pieces(octets, size))
    assert b"".join(pieces) == octets
    assert b"".join(map(transfer._decode_qp_piece, pieces)) == transfer._decode_qp_piece(octets)


def test_long_quoted_printable_is_given_to_the_decoder_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "_CHUNK", 64)
    assert max(map(len, transfer._qp_pieces(b"=41" * 1000, 64))) < 80
    assert transfer.decode_quoted_printable(b"=41" * 1000) == b"A" * 1000


def test_long_base64_is_decoded_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "_CHUNK", 64)
    content = bytes(range(256)) * 5
    assert transfer.decode_base64(base64.b64encode(content)) == content
    assert transfer.decode_base64(base64.encodebytes(content + b"x")) == content + b"x"


def test_uuencode_gives_up_on_what_is_no_uuencode_at_all() -> None:
    good = binascii.b2a_uu(b"lost")
    assert transfer.decode_uuencode(b"ab\n" * 9_000 + good) == b"lost"
    assert transfer.decode_uuencode(b"ab\n" * 11_000 + good) == b""


def test_uuencode_begins_after_the_line_that_says_so() -> None:
    file = b"begin 644 a.txt\n" + binascii.b2a_uu(b"hello") + b"`\nend\n" + binascii.b2a_uu(b"not this")
    assert transfer.decode_uuencode(file) == b"hello"
    assert transfer.decode_uuencode(b"Some text\r\n\nnot begin 644 x\nbegin words\n" + file) == b"hello"
