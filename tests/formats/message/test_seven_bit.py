"""Messages made seven bits: what they hold stays, and what must not be changed is not."""

import pytest

from pillarbox.formats.message.body import decode_octets
from pillarbox.formats.message.scan import scan
from pillarbox.formats.message.seven_bit import is_plain, seven_bit

HEAD = b"From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
TEXT = "Grüße aus Köln, wo es heute regnet.\r\n".encode() * 3
PART = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + TEXT


def _mixed(*parts: bytes, type: bytes = b"mixed", more: bytes = b"") -> bytes:
    body = b"".join(b"--b1\r\n" + part + b"\r\n" for part in parts) + b"--b1--\r\n"
    return HEAD + b'Content-Type: multipart/%b; boundary="b1"\r\n%b\r\n' % (type, more) + body


def _contents(data: bytes) -> list[bytes]:
    return [decode_octets(data, part) for part in scan(data).leaves()]


def test_a_message_that_is_plain_stays_the_same_object() -> None:
    data = HEAD + b"\r\nhello\r\n"
    assert seven_bit(data) is data


def test_text_becomes_quoted_printable_and_says_so_once() -> None:
    data = HEAD + PART
    changed = seven_bit(data)
    assert changed is not None
    assert changed == (
        HEAD
        + b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        + b"Gr=C3=BC=C3=9Fe aus K=C3=B6ln, wo es heute regnet.\r\n" * 3
    )


def test_text_of_another_script_becomes_base64() -> None:
    text = "Привет, мир, как дела у вас сегодня\r\n".encode()
    changed = seven_bit(HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + text)
    assert changed is not None
    assert b"Content-Transfer-Encoding: base64\r\n" in changed
    assert _contents(changed) == [text]


def test_only_parts_that_need_it_are_changed_and_what_holds_them_is_said_to_be_7bit() -> None:
    plain = b"Content-Type: text/html\r\nContent-Transfer-Encoding: 7bit\r\n\r\n<p>x</p>"
    attached = b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo="
    data = _mixed(plain, PART, attached, more=b"Content-Transfer-Encoding: 8bit\r\n")
    changed = seven_bit(data)
    assert changed is not None
    assert plain in changed
    assert attached in changed
    assert changed.partition(b"\r\n\r\n")[0].endswith(b"Content-Transfer-Encoding: 7bit")
    assert changed.count(b"8bit") == 0
    assert [one.rstrip() for one in _contents(changed)] == [one.rstrip() for one in _contents(data)]


def test_a_message_in_a_message_is_changed_inside() -> None:
    inner = b"Subject: inner\r\nMIME-Version: 1.0\r\n" + PART
    data = _mixed(b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + inner)
    changed = seven_bit(data)
    assert changed is not None
    (body,) = (changed[part.body_start : part.body_end] for part in scan(changed).leaves())
    assert _contents(body)[0].rstrip() == TEXT.rstrip()
    assert b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\nSubject: inner" in changed


def test_binary_parts_keep_their_line_ends() -> None:
    content = b"\x00\x01\n\r\xff--b1--\r\n.\r\n"
    data = _mixed(b"Content-Type: application/x-data\r\nContent-Transfer-Encoding: binary\r\n\r\n" + content[:5] + b"z")
    changed = seven_bit(data)
    assert changed is not None
    assert _contents(changed) == [content[:5] + b"z"]


def test_text_that_says_nothing_of_itself_is_told_to_be_of_no_known_charset() -> None:
    changed = seven_bit(b"Subject: x\r\n\r\ncaf\xe9\r\n")
    assert changed == (
        b"Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\n"
        b"Content-Type: text/plain; charset=unknown-8bit\r\nMIME-Version: 1.0\r\n\r\ncaf=E9\r\n"
    )


def test_a_line_that_is_broken_becomes_no_delimiter() -> None:
    """Else whoever wrote it could make another part of it, behind the back of whoever has looked at it."""
    text = b"x" * 75 + b"--b1\r\nContent-Type: text/html\r\n\r\n<script>" + b"\xc3\xa9\r\n"
    data = _mixed(b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + text)
    changed = seven_bit(data)
    assert changed is not None
    assert [part.type for part in scan(changed).parts()] == ["multipart/mixed", "text/plain"]
    assert _contents(changed)[0].rstrip() == text.rstrip()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(_mixed(PART, b"Content-Type: application/pgp-signature\r\n\r\nx", type=b"signed"), id="signed"),
        pytest.param(_mixed(PART, PART, type=b"encrypted"), id="encrypted"),
        pytest.param(
            _mixed(b'Content-Type: multipart/signed; boundary="b2"\r\n\r\n--b2\r\n' + PART + b"\r\n--b2--"),
            id="signed inside",
        ),
        pytest.param(b"Subject: caf\xc3\xa9\r\n\r\nx\r\n", id="a header of UTF-8"),
        pytest.param(_mixed(b'Content-Type: text/plain; name="\xc3\xa9"\r\n\r\nx'), id="a part's header of UTF-8"),
        pytest.param(HEAD + b"\r\nx\n.\r\n", id="a bare line feed"),
        pytest.param(HEAD + b"Content-Transfer-Encoding: 8bit\r\n\r\nx\r.\r\n\xe9", id="a bare carriage return"),
        pytest.param(HEAD + b"\r\nx\0\xe9\r\n", id="a NUL that is not said to be there"),
        pytest.param(_mixed(b"Content-Type: message/partial; id=x\r\n\r\n\xe9"), id="a piece of a message"),
        pytest.param(_mixed(b"Content-Type: text/plain\r\nContent-Transfer-Encoding: x-odd\r\n\r\n\xe9"), id="unknown"),
        pytest.param(HEAD + b"Content-Type: multipart/mixed\r\n\r\n\xe9\r\n", id="no boundary"),
        pytest.param(b"Content-Type: message/rfc822\r\n\r\n" * 9 + b"\xe9\r\n", id="too deep"),
        pytest.param(_mixed(b"\xe9 no header"), id="no empty line"),
        pytest.param(_mixed(PART).replace(b"--b1\r\n", b"\xe9\r\n--b1\r\n", 1), id="text before the first part"),
    ],
)
def test_what_cannot_be_changed_is_left(data: bytes) -> None:
    assert not is_plain(data)
    assert seven_bit(data) is None
