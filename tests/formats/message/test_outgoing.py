"""What leaves: without Bcc whatever its shape, with a date and an id."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.formats.message.outgoing import outgoing, with_return_path
from pillarbox.formats.message.scan import scan

ID, DATE = "x@mx", "Tue, 14 Nov 2023 22:13:20 +0000"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            b"Date: d\r\nBcc: a@b\r\nMessage-ID: <i@j>\r\n\r\nBcc: body\r\n",
            b"Date: d\r\nMessage-ID: <i@j>\r\n\r\nBcc: body\r\n",
        ),
        (b"Date: d\nbCC :\n a@b,\n\tc@d\nMessage-ID: <i@j>\n\nx", b"Date: d\nMessage-ID: <i@j>\n\nx"),
        (b"Date: d\rBcc: a@b\r c@d\rMessage-ID: <i@j>\r\rx", b"Date: d\rMessage-ID: <i@j>\r\rx"),
        (
            b"Resent-Bcc: a@b\r\nDate: d\r\nMessage-ID: <i@j>\r\nX-Bcc: c@d\r\n\r\n",
            b"Date: d\r\nMessage-ID: <i@j>\r\nX-Bcc: c@d\r\n\r\n",
        ),
        (b"Date: d\r\nMessage-ID: <i@j>\r\nBcc: a@b", b"Date: d\r\nMessage-ID: <i@j>\r\n"),
    ],
)
def test_bcc_goes_in_every_shape_and_nothing_else_does(before: bytes, after: bytes) -> None:
    assert outgoing(before, ID, DATE) == after


def test_a_bcc_past_the_limit_of_listed_fields_goes_too() -> None:
    data = b"Date: d\r\nMessage-ID: <i@j>\r\n" + b"X: 1\r\n" * 10_050 + b"Bcc: secret@b\r\n\r\nx"
    assert b"secret" not in outgoing(data, ID, DATE)


def test_a_header_that_no_empty_line_ends_is_ended() -> None:
    out = outgoing(b"Date: d\nMessage-ID: <i@j>\nno field\nBcc: s@x\n\nx", ID, DATE)
    assert out == b"Date: d\nMessage-ID: <i@j>\n\r\nno field\nBcc: s@x\n\nx"


def test_what_is_missing_is_put_in() -> None:
    out = outgoing(b"Subject: s\r\n\r\nx", ID, DATE)
    assert out == b"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <x@mx>\r\nSubject: s\r\n\r\nx"


def test_the_line_of_an_mbox_file_does_not_leave() -> None:
    assert outgoing(b"From a Mon Jan  1 00:00:00 2024\nDate: d\nMessage-ID: <i@j>\n\nx", ID, DATE).startswith(
        b"Date: d"
    )


def test_the_return_path_stands_on_top() -> None:
    assert with_return_path(b"A: b\r\n\r\n", "a@b") == b"Return-Path: <a@b>\r\nA: b\r\n\r\n"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([b"Bcc: s@x", b"To: a@b", b" secret", b"\tmore", b"", b"x", b"bcc:", b"Date: d"])),
    st.sampled_from([b"\n", b"\r\n"]),
)
def test_no_bcc_field_is_left_in_the_header(lines: list[bytes], end: bytes) -> None:
    out = outgoing(end.join(lines), ID, DATE)
    assert all(field.name.lower() != "bcc" for field in scan(out).root.fields)
