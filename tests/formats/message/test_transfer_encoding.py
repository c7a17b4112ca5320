import quopri
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.formats.message.transfer_encoding import base64_lines, encode_content, quoted_printable


def decode(encoding: str, content: bytes) -> bytes:
    if encoding == "base64":
        return b64decode(content)
    return quopri.decodestring(content) if encoding == "quoted-printable" else content


@given(st.binary(max_size=400) | st.text(max_size=300).map(str.encode), st.sampled_from(["text/plain", "image/png"]))
def test_content_comes_back_octet_for_octet(content: bytes, media_type: str) -> None:
    encoding, encoded = encode_content(content, media_type)
    assert decode(encoding, encoded) == content
    assert encoded.isascii()
    assert encoded.count(b"\n") == encoded.count(b"\r") == encoded.count(b"\r\n")


@pytest.mark.parametrize(
    ("content", "media_type", "encoding"),
    [
        (b"", "text/plain", "7bit"),
        (b"short lines\r\nonly\r\n", "text/plain", "7bit"),
        (b"x" * 998, "text/plain", "7bit"),
        (b"x" * 999, "text/plain", "quoted-printable"),
        (b"a\r\n" + b"x" * 999 + b"\r\nb", "text/html", "quoted-printable"),
        ("Čtvrtek je den po středě\r\n".encode(), "text/plain", "quoted-printable"),
        ("日本語のメール本文\r\n".encode(), "text/plain", "base64"),
        (b"bare\nline feeds\n", "text/plain", "base64"),
        (b"nul\0\r\n", "application/octet-stream", "base64"),
        (b"{}", "application/json", "7bit"),
    ],
)
def test_the_encoding_fits_the_content(content: bytes, media_type: str, encoding: str) -> None:
    assert encode_content(content, media_type)[0] == encoding


@pytest.mark.parametrize(
    ("content", "encoding", "encoded"),
    [
        (b"Subject: x\r\n\r\nhi\r\n", "7bit", b"Subject: x\r\n\r\nhi\r\n"),
        (b"Subject: x\n\nhi\n", "7bit", b"Subject: x\r\n\r\nhi\r\n"),
        ("Subject: ž\r\n\r\n".encode(), "8bit", "Subject: ž\r\n\r\n".encode()),
        (b"Subject: x\r\n\r\n" + b"y" * 1000, "binary", b"Subject: x\r\n\r\n" + b"y" * 1000),
        (b"Subject: \0\r\n", "binary", b"Subject: \0\r\n"),
    ],
)
def test_an_enclosed_message_is_never_base64_or_quoted_printable(content: bytes, encoding: str, encoded: bytes) -> None:
    assert encode_content(content, "message/rfc822") == (encoding, encoded)


@given(st.text(max_size=300))
def test_quoted_printable_lines_are_short_and_keep_their_ends(text: str) -> None:
    content = text.replace("\r", "").replace("\n", "\r\n").encode()
    encoded = quoted_printable(content)
    assert quopri.decodestring(encoded) == content
    for line in encoded.split(b"\r\n"):
        assert len(line) <= 76
        assert b"\n" not in line
        assert not line.endswith((b" ", b"\t"))


def test_base64_lines_have_76_characters() -> None:
    assert [len(line) for line in base64_lines(b"x" * 100).split(b"\r\n")] == [76, 60, 0]
