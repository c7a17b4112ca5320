"""Reading mbox: separators, dialects, line ends, limits."""

import io
from datetime import UTC, datetime
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.formats.archive.from_line import from_line_to_bytes, parse_from_line
from pillarbox.formats.archive.mbox import MboxMessage, read_mbox
from pillarbox.formats.archive.message import ReadOptions

AT = datetime(2024, 3, 9, 8, 5, 1, tzinfo=UTC)
FROM = b"From bob@example.org Sat Mar  9 08:05:01 2024\n"


def read(data: bytes, **options: object) -> list[MboxMessage]:
    return list(read_mbox(io.BufferedReader(io.BytesIO(data)), ReadOptions(**options)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "line",
    [
        b"From bob@example.org Sat Mar  9 08:05:01 2024\n",
        b"From - Sat Mar 09 08:05:01 2024\r\n",
        b"From 1792842342@xxx Sat Mar 09 08:05:01 +0000 2024\n",
        b"From bob at example.org  Sat Mar  9 09:05:01 CET 2024\n",
        b"From bob@example.org Sat Mar  9 03:05:01 2024 -0500\n",
        b"From bob@example.org Sat, 9 Mar 2024 08:05:01 +0000\n",
        b"From bob Sat Mar  9 08:05:01 2024 remote from uunet\n",
    ],
)
def test_a_from_line_tells_its_time_in_utc(line: bytes) -> None:
    assert parse_from_line(line) == AT


@pytest.mark.parametrize(
    "line",
    [
        b"From the harbour we walked home.\n",
        b"From bob Sat Mar  9 2024\n",
        b"From bob Sat Mar 32 08:05:01 2024\n",
        b"From bob Sat Mar  9 08:05:01 2024 and then it rained\n",
        b"From bob Sat Mar  9 08:05:01 1024\n",
        b">From bob Sat Mar  9 08:05:01 2024\n",
        b"From " + b"x" * 600 + b" Sat Mar  9 08:05:01 2024\n",
    ],
)
def test_a_line_without_a_plausible_date_is_no_separator(line: bytes) -> None:
    assert parse_from_line(line) is None


def test_a_written_from_line_is_read_again() -> None:
    assert parse_from_line(from_line_to_bytes(AT)) == AT
    assert from_line_to_bytes(AT) == b"From MAILER-DAEMON Sat Mar  9 08:05:01 2024\n"


def test_messages_are_split_and_get_crlf() -> None:
    messages = read(FROM + b"Subject: a\n\none\n\n" + FROM + b"Subject: b\n\ntwo\n\n")
    assert [message.data for message in messages] == [b"Subject: a\r\n\r\none\r\n", b"Subject: b\r\n\r\ntwo\r\n"]
    assert [message.offset for message in messages] == [0, len(FROM) + 17]
    assert messages[0].received_at == AT


def test_an_mbox_with_crlf_is_read_like_one_with_lf() -> None:
    unix = FROM + b"Subject: a\n\none\n\n" + FROM + b"Subject: b\n\ntwo\n\n"
    assert [m.data for m in read(unix.replace(b"\n", b"\r\n"))] == [m.data for m in read(unix)]


def test_a_from_line_separates_only_after_a_blank_line() -> None:
    assert len(read(FROM + b"Subject: a\n\ntext\n" + FROM + b"more\n")) == 1


def test_a_sentence_that_starts_with_from_stays_text() -> None:
    (message,) = read(FROM + b"Subject: a\n\nHello,\n\nFrom the quay you see the island.\n")
    assert message.data is not None
    assert message.data.endswith(b"From the quay you see the island.\r\n")


def test_mboxrd_takes_one_mark_from_any_number() -> None:
    (message,) = read(FROM + b"\n>From a\n>>From b\n> From c\n>Fromage\n")
    assert message.data == b"\r\nFrom a\r\n>From b\r\n> From c\r\n>Fromage\r\n"


def test_mboxo_takes_the_mark_only_where_it_was_written() -> None:
    (message,) = read(FROM + b"\n>From a\n>>From b\n", mbox_dialect="mboxo")
    assert message.data == b"\r\nFrom a\r\n>>From b\r\n"


def test_a_content_length_is_not_believed() -> None:
    data = FROM + b"Content-Length: 99999\n\none\n\n" + FROM + b"\ntwo\n"
    assert len(read(data)) == 2


def test_a_truncated_last_message_is_kept_as_far_as_it_goes() -> None:
    assert read(FROM + b"Subject: a\n\nhalf a li")[0].data == b"Subject: a\r\n\r\nhalf a li"
    assert read(FROM)[0].data == b""


def test_a_message_over_the_limit_is_reported_and_the_next_one_is_read() -> None:
    big = FROM + b"Subject: big\n\n" + b"x" * 500 + b"\n\n"
    first, second = read(big + FROM + b"Subject: b\n\ntwo\n", max_message_octets=100)
    assert (first.too_large, first.data) == (True, None)
    assert second.data == b"Subject: b\r\n\r\ntwo\r\n"


def test_a_message_of_exactly_the_limit_is_read() -> None:
    message = b"Subject: a\n\none\n"
    assert read(FROM + message + b"\n", max_message_octets=len(message))[0].data is not None
    assert read(FROM + message + b"\n", max_message_octets=len(message) - 1)[0].too_large


def test_a_line_longer_than_the_buffer_hides_no_separator_in_it() -> None:
    line = b"y" * 65536 + FROM
    (message,) = read(FROM + b"\n" + line)
    assert message.data == b"\r\n" + line.replace(b"\n", b"\r\n")


def test_unwanted_messages_are_passed_over_unread() -> None:
    stream = io.BufferedReader(io.BytesIO(FROM + b"\none\n\n" + FROM + b"\ntwo\n"))
    messages = list(read_mbox(cast("io.BufferedReader", stream), ReadOptions(), lambda offset: offset > 0))
    assert [(m.data, m.too_large) for m in messages] == [(None, False), (b"\r\ntwo\r\n", False)]


@given(st.binary(max_size=300))
def test_any_octets_are_read_without_an_error(data: bytes) -> None:
    for message in read(FROM + data.replace(b"#", b"\n" + FROM), max_message_octets=120):
        assert message.too_large or message.data is not None
