import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.formats.message.encode import encode_text
from pillarbox.formats.message.fold import fold, fold_raw


def unfold(field: bytes) -> str:
    assert field.endswith(b"\r\n")
    return re.sub(rb"\r\n(?=[ \t])", b"", field[:-2]).decode()


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=500))
def test_a_folded_field_unfolds_to_its_value(text: str) -> None:
    units = encode_text(text)
    field = fold("Subject", units)
    assert unfold(field).removeprefix("Subject:").lstrip(" ") == "".join(units).lstrip(" ")
    assert all(line.strip() for line in field.split(b"\r\n")[:-1])


@given(st.lists(st.text(st.characters(codec="ascii", categories=("Lu", "Nd")), min_size=1, max_size=60), max_size=40))
def test_lines_are_short_when_the_words_are(words: list[str]) -> None:
    units = [" " + word if number else word for number, word in enumerate(words)]
    assert max(map(len, fold("X", units).split(b"\r\n"))) <= 76


def test_breaks_are_put_between_units_and_not_inside_them() -> None:
    units = ['"A Person of Some Length" <person@example.org>,', ' "Another Long Person" <another@example.org>']
    assert fold("To", units).split(b"\r\n")[1] == b' "Another Long Person" <another@example.org>'


def test_a_unit_that_fills_a_line_is_broken_at_its_white_space() -> None:
    lines = fold("To", ['"' + "long name " * 12 + '" <x@example.org>']).split(b"\r\n")
    assert len(lines) > 2
    assert max(map(len, lines)) <= 76


@pytest.mark.parametrize("length", [997, 998, 999, 5000])
def test_no_line_is_longer_than_998(length: int) -> None:
    for field in (fold("X", ["x" * length]), fold_raw("X", " " + "ž" * length), fold("X", ["<", " " + "y" * length])):
        assert max(len(line) for line in field.split(b"\r\n")) <= 998


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (" as it is", b"X: as it is\r\n"),
        ("no space", b"X:no space\r\n"),
        (" folded\r\n here", b"X: folded\r\n here\r\n"),
        (" tab\n\there", b"X: tab\r\n\there\r\n"),
        (" evil\r\nBcc: them@example.org", b"X: evil\r\n Bcc: them@example.org\r\n"),
        (" evil\rBcc: them", b"X: evil\r\n Bcc: them\r\n"),
        (" body\r\n\r\nof evil", b"X: body\r\n of evil\r\n"),
        ("\r\n starts folded", b"X:\r\n starts folded\r\n"),
        (" nul\0", b"X: nul\r\n"),
        ("", b"X:\r\n"),
    ],
)
def test_a_raw_value_stands_as_given_but_cannot_end_the_field(value: str, field: bytes) -> None:
    assert fold_raw("X", value) == field
