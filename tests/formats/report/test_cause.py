"""Status codes in words for people."""

import pytest

from pillarbox.formats.report.cause import cause


@pytest.mark.parametrize(
    ("status", "word"), [("5.1.1", "no such address"), ("4.2.2", "full"), ("5.7.26", "DKIM"), ("5.7.99", "rules")]
)
def test_a_code_is_told_in_words(status: str, word: str) -> None:
    assert word in cause(status)


@pytest.mark.parametrize("status", ["", "5", "5.0.0", "9.9.9", "x.y.z", "5.6.99"])
def test_what_says_nothing_is_not_made_up(status: str) -> None:
    assert cause(status) == ""
