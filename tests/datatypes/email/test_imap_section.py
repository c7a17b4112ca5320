"""Sections; what they answer was compared with Cyrus 3.6 and Dovecot 2.3."""

from pathlib import Path

import pytest

from pillarbox.datatypes.email.imap_part import imap_part, read_part
from pillarbox.datatypes.email.imap_path import Octets, octets_of
from pillarbox.datatypes.email.imap_section import Sections, UnknownEncoding
from pillarbox.formats.message import scan
from pillarbox.wire.imap.body_structure import body_structure
from pillarbox.wire.imap.fetch_item import Binary, BinarySize, Section
from tests.support.imap_list import read_list
from tests.support.imap_part_path import is_message, shown_parts

DATA = Path(__file__).parents[2] / "data"
MESSAGES = [*sorted((DATA / "imap").glob("*.eml")), *sorted((DATA / "message").glob("*.eml"))]

INNER = (
    b"From: in@side.example\r\nSubject: inner\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
    b"--b\r\n\r\nplain\r\n--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"<p>=E9</p>\r\n--b--\r\n"
)
HEADER = (
    b"From: Ann <ann@example.org>\r\nReceived: one\r\n\tfolded\r\nSubject: outer\r\nRECEIVED: two\r\n"
    b"Content-Type: multipart/mixed; boundary=a\r\n\r\n"
)
MIME_3 = b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
MESSAGE = (
    HEADER + b"preamble\r\n--a\r\n\r\nhello\r\n--a\r\nContent-Type: message/rfc822\r\n\r\n" + INNER
    + b"\r\n--a\r\n" + MIME_3 + b"QUJDAEQ=\r\n--a\r\nContent-Transfer-Encoding: x-odd\r\n\r\n?\r\n--a--\r\n"
)  # fmt: skip


def sections(data: bytes) -> Sections:
    return Sections(octets_of(data), scan(data))


@pytest.mark.parametrize(
    ("item", "octets"),
    [
        (Section(), MESSAGE),
        (Section(what="HEADER"), HEADER),
        (Section(what="TEXT"), MESSAGE[len(HEADER) :]),
        (Section((1,)), b"hello"),
        (Section((1,), "MIME"), b"\r\n"),
        (Section((2,)), INNER),
        (Section((2,), "MIME"), b"Content-Type: message/rfc822\r\n\r\n"),
        (Section((2,), "HEADER"), INNER[: INNER.index(b"--b")]),
        (Section((2,), "TEXT"), INNER[INNER.index(b"--b") :]),
        (Section((2, 1)), b"plain"),
        (Section((2, 2)), b"<p>=E9</p>"),
        (Section((2, 2), "MIME"), b"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"),
        (Section((2,), "HEADER.FIELDS", ("SUBJECT", "Date")), b"Subject: inner\r\n\r\n"),
        (Section((3,), "MIME"), MIME_3),
        (Section(what="HEADER.FIELDS", fields=("received",)), b"Received: one\r\n\tfolded\r\nRECEIVED: two\r\n\r\n"),
        (Section(what="HEADER.FIELDS", fields=("X-None",)), b"\r\n"),
        (
            Section(what="HEADER.FIELDS.NOT", fields=("Received", "content-type")),
            b"From: Ann <ann@example.org>\r\nSubject: outer\r\n\r\n",
        ),
        (Section(partial=(3, 5)), MESSAGE[3:8]),
        (Section((1,), partial=(1, 3)), b"ell"),
        (Section((1,), partial=(3, 100)), b"lo"),
        (Section((1,), partial=(5, 1)), b""),
        (Section((1,), partial=(1 << 62, 1)), b""),
        (Section(what="HEADER.FIELDS", fields=("Subject",), partial=(9, 5)), b"outer"),
        (Section((9,)), None),
        (Section((1, 1)), None),
        (Section((2, 3)), None),
        (Section((2, 1, 1)), None),
        (Section((1,), "HEADER"), None),
        (Section((1,), "TEXT"), None),
        (Section((9,), partial=(0, 5)), None),
    ],
)
def test_a_section_is_answered_with_its_octets(item: Section, octets: bytes | None) -> None:
    assert sections(MESSAGE).section(item) == octets


@pytest.mark.parametrize(
    ("item", "octets"),
    [
        (Binary(), MESSAGE),
        (Binary((1,)), b"hello"),
        (Binary((2,)), INNER),
        (Binary((2, 2)), b"<p>\xe9</p>"),
        (Binary((3,)), b"ABC\0D"),
        (Binary((3,), partial=(2, 2)), b"C\0"),
        (Binary((9,)), None),
    ],
)
def test_a_part_can_be_had_decoded(item: Binary, octets: bytes | None) -> None:
    assert sections(MESSAGE).binary(item) == octets


def test_an_unknown_encoding_is_told_and_nothing_guessed() -> None:
    with pytest.raises(UnknownEncoding):
        sections(MESSAGE).binary(Binary((4,)))
    with pytest.raises(UnknownEncoding):
        sections(MESSAGE).binary_size(BinarySize((4,)))


@pytest.mark.parametrize(
    ("path", "size"), [((), len(MESSAGE)), ((1,), 5), ((2,), len(INNER)), ((2, 2), 8), ((3,), 5), ((9,), 0)]
)
def test_the_decoded_size_is_that_of_the_decoded_octets(path: tuple[int, ...], size: int) -> None:
    assert sections(MESSAGE).binary_size(BinarySize(path)) == size


def test_the_only_body_of_a_message_is_its_part_1() -> None:
    plain = sections(b"Subject: x\r\n\r\nbody\r\n")

    assert plain.section(Section((1,))) == b"body\r\n"
    assert plain.section(Section((1,), "MIME")) == b"Subject: x\r\n\r\n"
    assert plain.section(Section((2,))) is None


def test_a_message_that_is_nothing_but_another_has_it_as_part_1() -> None:
    nested = sections(b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody")

    assert nested.section(Section((1,))) == b"Subject: in\r\n\r\nbody"
    assert nested.section(Section((1,), "HEADER")) == b"Subject: in\r\n\r\n"
    assert nested.section(Section((1, 1))) == b"body"


def test_a_message_that_was_encoded_is_entered_decoded() -> None:
    data = b"Content-Type: message/global\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogaW4NCg0KYm9keQ=="

    assert sections(data).section(Section((1,))) == b"U3ViamVjdDogaW4NCg0KYm9keQ=="
    assert sections(data).section(Section((1,), "TEXT")) == b"body"
    assert sections(data).binary(Binary((1,))) == b"Subject: in\r\n\r\nbody"


def test_octets_are_told_as_they_are_stored_whatever_their_line_ends() -> None:
    data = b"From: a\nSubject: x\n\nline\nline"

    assert sections(data).section(Section(what="HEADER")) == b"From: a\nSubject: x\n\n"
    assert sections(data).section(Section(what="HEADER.FIELDS", fields=("subject",))) == b"Subject: x\n\r\n"
    assert sections(data).section(Section()) == data


def test_a_field_that_ends_with_the_message_gets_a_line_end() -> None:
    assert sections(b"Subject: x").section(Section(what="HEADER.FIELDS", fields=("subject",))) == b"Subject: x\r\n\r\n"


def test_no_more_of_a_large_message_is_read_than_the_section_needs() -> None:
    data = MESSAGE.replace(b"hello", b"x" * 5_000_000)
    asked: list[tuple[int, int]] = []

    def read(start: int, end: int) -> bytes:
        asked.append((start, end))
        return data[start:end]

    large = Sections(Octets(len(data), read), scan(data))
    large.section(Section(what="HEADER"))
    large.section(Section(what="HEADER.FIELDS", fields=("Subject",)))
    large.section(Section((1,), partial=(4_000_000, 100)))
    large.section(Section((2, 1)))
    large.section(Section((2, 2)))
    large.binary(Binary((1,), partial=(10, 10)))
    large.binary_size(BinarySize((1,)))
    assert sum(end - start for start, end in asked) < 2 * len(HEADER) + 100 + len(INNER) + 10 + 1
    assert len(asked) == 5


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_every_part_that_is_shown_has_as_many_octets_as_it_is_said_to_have(path: Path) -> None:
    data = path.read_bytes()
    found = sections(data)
    shown = read_list(body_structure(read_part(imap_part(data, scan(data)), is_utf8=False).body))

    for number, part in shown_parts(shown):
        octets = found.section(Section(number))
        assert octets is not None
        if isinstance(part[0], list):
            continue
        assert len(octets) == part[6]
        if part[0] == b"TEXT":
            assert octets.count(b"\n") == part[7]
        header, text = found.section(Section(number, "HEADER")), found.section(Section(number, "TEXT"))
        assert (header is None) is (text is None) is not is_message(part)


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_header_and_text_are_the_whole_message(path: Path) -> None:
    found = sections(path.read_bytes())
    header, text = found.section(Section(what="HEADER")), found.section(Section(what="TEXT"))

    assert header is not None
    assert text is not None
    assert header + text == found.section(Section()) == path.read_bytes()


def test_a_path_ends_as_deep_as_messages_are_opened() -> None:
    data = b"Content-Type: message/rfc822\r\n\r\n" * 100 + b"Subject: innermost\r\n\r\nx"
    shown = read_list(body_structure(read_part(imap_part(data, scan(data)), is_utf8=False).body))
    deepest = max((number for number, _ in shown_parts(shown)), key=len)

    found = sections(data)
    assert found.section(Section(deepest)) is not None
    assert found.section(Section((*deepest, 1))) is None
