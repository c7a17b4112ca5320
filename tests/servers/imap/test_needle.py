"""What has to be in lists of words for a text to be found."""

import pytest

from pillarbox.servers.imap.needle import needle_of, words_of


@pytest.mark.parametrize(
    ("text", "pieces", "is_word"),
    [
        ("arbour", [b"ARBOUR"], True),
        (" Äpfel ", [b"APFEL"], True),
        ("bour pla", [b"BOUR\n", b"\nPLA"], False),
        ("a big ship", [b"A\n", b"\nBIG\n", b"\nSHIP"], False),
        ("(plan", [b"\nPLAN"], False),
        ("plan.", [b"PLAN\n"], False),
        ("plan-plan", [b"PLAN\n", b"\nPLAN"], False),
        ("会議", ["会議".encode()], True),
        ("“quoted”", [b"\nQUOTED\n"], False),
        ("!!!", [], False),
        ("", [], False),
    ],
)
def test_a_text_begins_and_ends_anywhere_in_words(text: str, pieces: list[bytes], is_word: bool) -> None:
    needle = needle_of(text)
    assert (list(needle.pieces), needle.is_word) == (pieces, is_word)


def test_the_words_of_a_key_are_those_that_a_needle_is_divided_into() -> None:
    for text in ("A-B_C", "X.Y/Z 1,2", "“TWO\u2003WORDS” — O’CLOCK", "会議。GO", "", "NUL\0APART"):
        words = words_of(text)
        divided = {piece.strip(b"\n") for piece in needle_of(text).pieces}
        assert words == divided


def test_what_many_words_have_takes_its_time() -> None:
    assert all(needle_of(text).is_short for text in ("e", "ing", "!!", "a harbour"))
    assert not any(needle_of(text).is_short for text in ("word", "tall harbours", "会議"))
