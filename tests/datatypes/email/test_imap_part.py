"""What IMAP shows of messages; the expected lines were compared with those of Cyrus 3.6 and Dovecot 2.3."""

from pathlib import Path

import pytest

from pillarbox.datatypes.email.imap_part import imap_part, is_sound, read_part
from pillarbox.datatypes.email.reading import read_message
from pillarbox.formats.message import listing, scan
from pillarbox.wire.imap.body_structure import body, body_structure

DATA = Path(__file__).parents[2] / "data"
CASES = sorted(path.stem for path in (DATA / "imap").glob("*.eml"))
MESSAGES = [*sorted((DATA / "imap").glob("*.eml")), *sorted((DATA / "message").glob("*.eml"))]


def part_of(data: bytes) -> bytes:
    return imap_part(data, scan(data))


def shown(data: bytes) -> list[bytes]:
    """ENVELOPE and BODYSTRUCTURE; both again if a session with UTF-8 sees others."""
    lines = []
    for is_utf8 in (False, True):
        envelope, parts = read_part(part_of(data), is_utf8=is_utf8)
        lines += [line for line in (envelope, body_structure(parts)) if line not in lines]
    return lines


@pytest.mark.parametrize("case", CASES)
def test_a_message_is_shown_as_its_case_says(case: str) -> None:
    expected = (DATA / "imap" / f"{case}.txt").read_bytes().splitlines()

    assert shown((DATA / "imap" / f"{case}.eml").read_bytes()) == expected


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_addresses_that_were_read_before_are_shown_as_those_read_now(path: Path) -> None:
    data = path.read_bytes()
    structure = scan(data)

    assert imap_part(data, structure, listing(data, structure)) == imap_part(data, structure)
    assert read_message(data).parts["imap"] == imap_part(data, structure)


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_a_session_without_utf8_is_shown_nothing_but_ascii(path: Path) -> None:
    envelope, parts = read_part(part_of(path.read_bytes()), is_utf8=False)

    assert envelope.isascii()
    assert parts.isascii()


def test_body_is_body_structure_without_extension_data() -> None:
    data = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n"
        b"Content-Disposition: inline\r\n\r\n<p>\r\n--b\r\nContent-Type: image/png\r\n"
        b"Content-Language: en\r\n\r\n\r\n--b--"
    )
    _, parts = read_part(part_of(data), is_utf8=False)

    assert body_structure(parts) == (
        b'(("TEXT" "HTML" ("CHARSET" "utf-8") NIL NIL "7BIT" 3 0 NIL ("INLINE" NIL) NIL NIL)'
        b'("IMAGE" "PNG" NIL NIL NIL "7BIT" 0 NIL NIL ("en") NIL) "MIXED" ("BOUNDARY" "b") NIL NIL NIL)'
    )
    assert body(parts) == (
        b'(("TEXT" "HTML" ("CHARSET" "utf-8") NIL NIL "7BIT" 3 0)("IMAGE" "PNG" NIL NIL NIL "7BIT" 0) "MIXED")'
    )


def test_messages_in_messages_are_opened_down_to_a_depth() -> None:
    data = b"Content-Type: message/rfc822\r\n\r\n" * 100 + b"Subject: innermost\r\n\r\nx"
    _, parts = read_part(part_of(data), is_utf8=False)

    text = body(parts)
    assert 2 <= text.count(b'"MESSAGE" "RFC822"') <= 20
    assert text.count(b'"APPLICATION" "OCTET-STREAM"') == 1
    assert text.count(b"(") == text.count(b")")


def test_what_is_scanned_of_inner_messages_has_a_budget() -> None:
    inner = b"Content-Type: message/rfc822\r\n\r\n" * 10 + b"Subject: innermost\r\n\r\n" + b"x" * 100_000
    outer = b"Content-Type: multipart/digest; boundary=b\r\n\r\n" + b"".join(
        b"--b\r\n\r\n%b\r\n" % inner for _ in range(5)
    )
    _, parts = read_part(part_of(outer), is_utf8=False)

    opened = body(parts).count(b'"MESSAGE" "RFC822"')
    assert 5 <= opened < 30
    assert body(parts).count(b'"APPLICATION" "OCTET-STREAM"') > 0


def test_a_field_that_is_repeated_without_end_costs_no_more_than_its_octets() -> None:
    data = b"".join(b"To: a%d@example.org\r\n" % number for number in range(9000)) + b"\r\n"
    envelope, _ = read_part(part_of(data), is_utf8=False)

    assert envelope.count(b'"example.org"') == 101


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_a_part_that_is_cut_or_doubled_is_not_sound(path: Path) -> None:
    stored = part_of(path.read_bytes())

    assert is_sound(stored)
    assert not is_sound(stored[:-1])
    assert not is_sound(stored[1:])
    assert not is_sound(stored + stored)
    assert not is_sound(b"")


def test_nul_never_reaches_the_answer() -> None:
    data = b'Subject: a\0b\r\nFrom: "x\0" <a\0@b>\r\nContent-Type: text/plain; name="\0\0"\r\n\r\n'
    envelope, parts = read_part(part_of(data), is_utf8=False)

    assert b"\0" not in envelope + body_structure(parts)
    assert b'"ab"' in envelope
