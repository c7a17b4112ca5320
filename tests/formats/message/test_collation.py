import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.formats.message.collation import search_key, sort_key


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("Hello World", "lo wor"),
        ("Äpfel für Zoë", "apfel FUR zoe"),
        ("A\N{COMBINING DIAERESIS}pfel", "äpf"),
        ("\N{LATIN SMALL LIGATURE FI}nd", "fin"),
        ("会議のお知らせ", "議の"),
        ("한국어", "국"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("one\t two\n three\N{NO-BREAK SPACE}four", "one two  three four"),
        ("<bob@example.org>", "ob@exa"),
    ],
)
def test_a_piece_is_found_whatever_its_case_marks_and_spaces(text: str, piece: str) -> None:
    assert search_key(piece) in search_key(text)


@pytest.mark.parametrize(("text", "other"), [("straße", "strasse"), ("hello", "hallo"), ("helloworld", "hello world")])
def test_other_letters_are_other_letters(text: str, other: str) -> None:
    assert search_key(other) not in search_key(text)


@given(st.text(), st.integers(0, 50), st.integers(0, 50))
def test_every_piece_of_a_text_is_found_in_it(text: str, start: int, length: int) -> None:
    assert search_key(text[start : start + length]) in search_key(text)


@given(st.text())
def test_what_is_equal_in_the_collation_is_found_alike(text: str) -> None:
    assert search_key(sort_key(text)) == search_key(text)
    assert "\n" not in search_key(text)
