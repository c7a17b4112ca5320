"""Every text of a message in which a piece may be looked for."""

import pytest

from pillarbox.formats.message import search_text as module
from pillarbox.formats.message.scan import scan
from pillarbox.formats.message.search_text import BETWEEN, body_text, header_text

MIXED = b"""Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from
 afar
X-Odd: <odd@example.org>
Content-Type: multipart/mixed; boundary=b

prologue
--b
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable
Content-Description: the plain one

gr=FCne W=
iese
--a
Content-Type: text/html

<p style="color:red">green&nbsp;<b>mea</b>dow</p><script>var hidden</script>
--a--
--b
Content-Type: application/octet-stream
Content-Disposition: attachment; filename*=utf-8''%C3%A4rger.bin
Content-Transfer-Encoding: base64

c2VjcmV0
--b
Content-Type: message/rfc822

From: inner@example.net
X-Inner: deep

inner words
--b--
""".replace(b"\n", b"\r\n")


def texts(data: bytes) -> tuple[list[str], list[str]]:
    structure, asked = scan(data), list[tuple[int, int]]()

    def octets(start: int, end: int) -> bytes:
        asked.append((start, end))
        assert 0 <= start <= end <= len(data)
        return data[start:end]

    return header_text(octets, structure).split(BETWEEN), body_text(octets, structure).split(BETWEEN)


def test_the_header_is_that_of_the_message_and_of_its_parts_decoded() -> None:
    head, _ = texts(MIXED)
    assert "Subject: Grüße from afar" in head
    assert "X-Odd: <odd@example.org>" in head
    assert "Content-Description: the plain one" in head
    assert "ärger.bin" in head
    assert not any("X-Inner" in field for field in head)


def test_the_body_is_each_text_decoded_as_it_is_read_and_enclosed_messages_with_their_headers() -> None:
    _, body = texts(MIXED)
    assert [" ".join(part.split()) for part in body] == [
        "grüne Wiese", "green meadow", "From: inner@example.net", "X-Inner: deep", "inner words",
    ]  # fmt: skip


def test_reports_are_read_and_other_attachments_are_not() -> None:
    data = b"Content-Type: message/delivery-status\r\n\r\nStatus: 5.1.1\r\n"
    assert texts(data)[1] == ["Status: 5.1.1\n"]
    assert texts(b"Content-Type: message/external-body; x=y\r\n\r\nNot here\r\n")[1] == [""]
    assert texts(b"Content-Type: image/png\r\n\r\nwords of a picture\r\n")[1] == [""]


def test_of_much_the_beginning_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_BODY", 10)
    monkeypatch.setattr(module, "_MAX_HEADER", 12)
    head, body = texts(b"A: 1234567\r\nB: 1234567\r\nC: 1\r\n\r\n123456789012345\r\n")
    assert (head, body) == (["A: 1234567", "B:"], ["1234567890"])


def test_messages_in_messages_have_an_end() -> None:
    data = b"innermost"
    for level in range(9):
        data = b"Content-Type: message/rfc822\r\nX-Level: %d\r\n\r\n" % level + data
    _, body = texts(data)
    assert [field for field in body if field.startswith("X-Level")] == [f"X-Level: {n}" for n in (7, 6, 5, 4, 3)]
    assert "innermost" not in body


@pytest.mark.parametrize("data", [b"", b"\r\n", b"no header", b": x\r\n", b"Content-Type: multipart/mixed\r\n\r\n--x"])
def test_nothing_is_too_broken(data: bytes) -> None:
    texts(data)
