"""Status codes in words for people."""

import pytest

from pillarbox.formats.report.cause import _CAUSES, cause


@pytest.mark.parametrize(
    ("status", "word"), [("5.1.1", "no such address"), ("4.2.2", "full"), ("5.7.26", "DKIM"), ("5.7.99", "rules")]
)
def test_a_code_is_told_in_words(status: str, word: str) -> None:
    assert word in cause(status)


@pytest.mark.parametrize("status", ["", "5", "5.0.0", "9.9.9", "x.y.z", "5.6.99"])
def test_what_says_nothing_is_not_made_up(status: str) -> None:
    assert cause(status) == ""


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("4.4.1", "cannot be reached"),
        ("5.1.2", "no such domain"),
        ("5.1.10", "no mail at all"),
        ("5.2.1", "takes no mail"),
        ("5.2.2", "make room"),
        ("5.4.7", "in another way"),
        ("5.7.1", "by its rules"),
        ("4.7.5", "prove that it is the right one"),
        ("5.7.30", "TLS all the way"),
    ],
)
def test_what_happens_most_is_told_with_what_to_do(status: str, words: str) -> None:
    assert words in cause(status)


@pytest.mark.parametrize("status", sorted(f"5.{rest}" for rest in _CAUSES))
def test_every_cause_is_whole_sentences_that_fit_a_line(status: str) -> None:
    text = cause(status)
    assert text.endswith(".")
    assert text[0].isupper()
    assert len(text) <= 120
