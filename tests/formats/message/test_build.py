import email
import email.policy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.message.assemble import assemble
from pillarbox.formats.message.build import build_message, message_id
from pillarbox.formats.message.draft import (
    Addresses,
    Date,
    Draft,
    DraftField,
    DraftGroup,
    DraftPart,
    GroupedAddresses,
    MessageIds,
    Raw,
    Text,
    Urls,
    Value,
)

HELLO = DraftPart(type="text/plain", content="hello\n")


def numbered(start: str = "b") -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"{start}{next(numbers)}"


def build(body: DraftPart, *fields: tuple[str, Value]) -> bytes:
    message = build_message(Draft(tuple(DraftField(*field) for field in fields), body), numbered())
    assert message.count(b"\n") == message.count(b"\r") == message.count(b"\r\n")
    return message


def oracle(message: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(message, policy=email.policy.default)  # noqa: TID251
    assert isinstance(parsed, EmailMessage)
    return parsed


def field(name: str, value: Value) -> bytes:
    return build(HELLO, (name, value)).split(b"MIME-Version")[0]


def test_a_plain_message_is_exactly_this() -> None:
    message = build(
        HELLO,
        ("From", Addresses((EmailAddress("Alice", "alice@example.org"),))),
        ("Subject", Text("Lunch?")),
        ("Date", Date(datetime(2026, 1, 5, 12, 0, tzinfo=UTC))),
        ("Message-ID", MessageIds((message_id("example.org", lambda: "1234"),))),
    )
    assert message == (
        b"From: Alice <alice@example.org>\r\n"
        b"Subject: Lunch?\r\n"
        b"Date: Mon, 05 Jan 2026 12:00:00 +0000\r\n"
        b"Message-ID: <1234@example.org>\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"\r\n"
        b"hello\r\n"
    )


@pytest.mark.parametrize(
    ("value", "octets"),
    [
        (Raw(" as given"), b"X: as given\r\n"),
        (Text("žluť"), b"X: =?utf-8?B?xb5sdcWl?=\r\n"),
        (Addresses(()), b"X:\r\n"),
        (Addresses((EmailAddress(None, "a@x"), EmailAddress("B, C", "b@x"))), b'X: a@x, "B, C" <b@x>\r\n'),
        (Addresses((EmailAddress("unfinished", ""),)), b"X: unfinished <>\r\n"),
        (Addresses((EmailAddress(None, "jiří@příklad.example"),)), "X: jiří@příklad.example\r\n".encode()),
        (
            GroupedAddresses((DraftGroup(None, [EmailAddress(None, "a@x")]), DraftGroup("Friends", []))),
            b"X: a@x, Friends:;\r\n",
        ),
        (
            GroupedAddresses((DraftGroup("Fri, ends", [EmailAddress("B", "b@x"), EmailAddress(None, "c@x")]),)),
            b'X: "Fri, ends": B <b@x>, c@x;\r\n',
        ),
        (MessageIds(("a@x", "b@x")), b"X: <a@x> <b@x>\r\n"),
        (
            Date(datetime(2026, 1, 5, 9, 7, 3, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))),
            b"X: Mon, 05 Jan 2026 09:07:03 -0330\r\n",
        ),
        (Date(datetime(2026, 1, 5, 9, 7, 3)), b"X: Mon, 05 Jan 2026 09:07:03 -0000\r\n"),  # noqa: DTZ001
        (Urls(("mailto:a@x", "https://x/ž b")), b"X: <mailto:a@x>, <https://x/%C5%BEb>\r\n"),
    ],
)
def test_every_form_of_a_field_is_written(value: Value, octets: bytes) -> None:
    assert field("X", value) == octets


@pytest.mark.parametrize(
    ("address", "count_"),
    [
        ("a@x.org>, <evil@example.org", 1),
        ("a@x.org, evil@example.org", 1),
        ("a@x.org\r\nBcc: evil@example.org", 1),
        ('"a b"@x.org', 1),
        ("john smith@x.org", 1),
        ("x@evil:,b@c;", 1),
    ],
)
def test_one_address_stays_one_address(address: str, count_: int) -> None:
    parsed = oracle(build(HELLO, ("To", Addresses((EmailAddress(None, address),)))))
    assert len(parsed["To"].addresses) == count_
    assert "Bcc" not in parsed


@settings(max_examples=80)
@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=120))
def test_names_and_subjects_come_back_from_the_oracle(text: str) -> None:
    addresses = Addresses((EmailAddress(text, "a@example.org"), EmailAddress(text, "b@example.org")))
    message = build(HELLO, ("To", addresses), ("Subject", Text(text)))
    header = message.split(b"\r\n\r\n")[0]
    assert header.isascii()
    assert max(map(len, header.split(b"\r\n"))) <= 78
    assert b"".join(header.split(b"\r\n ")).count(b"@example.org") == 2


def test_long_reference_lists_are_folded_between_ids() -> None:
    ids = tuple(f"{number:030}@mail.example.org" for number in range(2000))
    message = build(HELLO, ("References", MessageIds(ids)))
    parsed = oracle(message)
    assert str(parsed["References"]).split() == [f"<{identifier}>" for identifier in ids]
    assert max(map(len, message.split(b"\r\n"))) <= 78


def test_text_html_an_inline_image_and_an_attachment_make_the_usual_tree() -> None:
    body = assemble(
        DraftPart(type="text/plain", content="Hé\n"),
        DraftPart(type="text/html", content='<img src="cid:i@x">é\n'),
        (
            DraftPart(type="image/png", cid="i@x", content=b"\x89PNG\r\n"),
            DraftPart(type="application/pdf", name="zpráva o stavu.pdf", disposition="attachment", content=b"%PDF\0"),
        ),
    )
    parsed = oracle(build(body, ("Subject", Text("x"))))
    assert [part.get_content_type() for part in parsed.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ]
    parts = list(parsed.walk())
    assert parts[2].get_content() == "Hé\r\n"
    assert parts[5]["Content-ID"] == "<i@x>"
    assert parts[5].get_content_disposition() == "inline"
    assert parts[5].get_payload(decode=True) == b"\x89PNG\r\n"
    assert parts[6].get_filename() == "zpráva o stavu.pdf"
    assert parts[6].get_payload(decode=True) == b"%PDF\0"
    assert not any(part.defects for part in parts)


@pytest.mark.parametrize(
    ("text", "html", "attachments", "kind"),
    [
        (False, False, (), "text/plain"),
        (True, False, (), "text/plain"),
        (False, True, (), "text/html"),
        (True, True, (), "multipart/alternative"),
        (False, True, (DraftPart(type="image/png", cid="1"),), "multipart/related"),
        (True, False, (DraftPart(type="image/png", cid="1"),), "multipart/mixed"),
        (False, False, (DraftPart(type="image/png"),), "multipart/mixed"),
        (False, True, (DraftPart(type="image/png", cid="1", disposition="attachment"),), "multipart/mixed"),
    ],
)
def test_assemble_needs_no_more_parts_than_it_must(
    text: bool, html: bool, attachments: tuple[DraftPart, ...], kind: str
) -> None:
    plain = DraftPart(type="text/plain", content="") if text else None
    rich = DraftPart(type="text/html", content="") if html else None
    assert assemble(plain, rich, attachments).type == kind


def test_an_enclosed_message_goes_as_it_is_and_widens_its_multipart() -> None:
    inner = "Subject: ž\r\n\r\nž\r\n".encode()
    body = DraftPart(type="multipart/mixed", sub_parts=(HELLO, DraftPart(type="message/rfc822", content=inner)))
    message = build(body)
    assert inner in message
    assert message.count(b"Content-Transfer-Encoding: 8bit\r\n") == 2
    assert b"base64" not in message


def test_the_boundary_is_in_no_content() -> None:
    tokens = iter(["first", "second", "third", "fourth"])
    body = DraftPart(
        type="multipart/mixed", sub_parts=(DraftPart(type="text/plain", content="first second third\n"), HELLO)
    )
    message = build_message(Draft((), body), lambda: next(tokens))
    assert b"boundary=fourth_0_" in message


def test_a_source_that_repeats_itself_still_gives_a_free_boundary() -> None:
    body = DraftPart(type="multipart/mixed", sub_parts=(DraftPart(type="text/plain", content="--same_0_\n"), HELLO))
    parsed = oracle(build_message(Draft((), body), lambda: "same"))
    assert [part.get_content() for part in parsed.iter_parts()] == ["--same_0_\r\n", "hello\r\n"]


def test_nested_boundaries_are_not_each_others_beginnings() -> None:
    body = HELLO
    for _ in range(12):
        body = DraftPart(type="multipart/mixed", sub_parts=(body, HELLO))
    parsed = oracle(build(body))
    assert sum(not part.is_multipart() for part in parsed.walk()) == 13


def test_a_tree_of_a_thousand_levels_does_not_recurse() -> None:
    body = HELLO
    for _ in range(1000):
        body = DraftPart(type="multipart/mixed", sub_parts=(body,))
    assert build(body).count(b"multipart/mixed") == 1000


def test_a_multipart_without_parts_gets_one() -> None:
    parsed = oracle(build(DraftPart(type="multipart/mixed")))
    assert len(list(parsed.iter_parts())) == 1
    assert not parsed.defects


@pytest.mark.parametrize("content", ["", None, b""])
def test_an_empty_body_is_empty(content: str | bytes | None) -> None:
    assert build(DraftPart(type="text/plain", content=content)).endswith(b"\r\n\r\n")


@pytest.mark.parametrize("content", [b"no line end", b"ends\r\n", b"ends twice\r\n\r\n", b"", b"\r\n"])
def test_a_part_keeps_the_line_ends_it_has(content: bytes) -> None:
    body = DraftPart(type="multipart/mixed", sub_parts=(DraftPart(type="text/plain", content=content), HELLO))
    part = build(body).split(b"--b1_0_\r\n")[1]
    assert part == b"Content-Type: text/plain\r\n\r\n" + content + b"\r\n"


def test_a_part_can_say_everything_that_jmap_lets_it() -> None:
    part = DraftPart(
        type="text/plain",
        charset="iso-8859-2",
        disposition="inline",
        name="readme.txt",
        cid="c@x",
        language=("cs", "en-GB"),
        location="https://x/ž",
        headers=(DraftField("Content-Description", Text("Popis čehosi")), DraftField("X-Part", Raw(" 1"))),
        content="čaj".encode("iso-8859-2"),
    )
    parsed = oracle(build(part))
    assert parsed["Content-Language"] == "cs, en-GB"
    assert parsed["Content-ID"] == "<c@x>"
    assert parsed["Content-Location"] == "https://x/%C5%BE"
    assert parsed["Content-Description"] == "Popis čehosi"
    assert parsed["X-Part"] == "1"
    assert parsed.get_filename() == "readme.txt"
    assert parsed.get_content() == "čaj"


def test_a_content_type_that_the_client_wrote_keeps_our_boundary_and_charset() -> None:
    given_type = DraftField("Content-Type", Raw(' multipart/report; boundary="theirs"; report-type=x'))
    parsed = oracle(build(DraftPart(type="multipart/report", headers=(given_type,), sub_parts=(HELLO,))))
    assert parsed.get_content_type() == "multipart/report"
    assert parsed.get_param("report-type") == "x"
    assert parsed.get_boundary() == "b1_0_"
    flowed = DraftField("Content-Type", Raw("text/plain;charset=latin1; format=flowed"))
    parsed = oracle(build(DraftPart(type="text/plain", headers=(flowed,), content="é\n")))
    assert parsed.get_param("format") == "flowed"
    assert parsed.get_content() == "é\r\n"


def test_fields_of_mime_come_from_the_builder_alone() -> None:
    encoding = DraftField("Content-Transfer-Encoding", Raw(" base64"))
    message = build(
        DraftPart(type="text/plain", headers=(encoding,), content="x"),
        ("MIME-Version", Raw(" 2")),
        ("Content-Type", Raw(" x/y")),
    )
    assert message == b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nx"


@pytest.mark.parametrize("name", ["", "a b", "a:b", "ž", "a\r\n"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no header field name"):
        build(HELLO, (name, Text("x")))


def test_odd_types_dispositions_and_languages_cannot_break_the_header() -> None:
    part = DraftPart(type="text/plain\r\nX: y", disposition="in line;\r\nX: y", language=("c\r\nX: y",), content=b"x")
    message = build(part)
    assert b"X: y" not in message
    assert b"application/octet-stream" in message
