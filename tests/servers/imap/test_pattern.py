"""LIST's patterns against the plain meaning of them, and against the ones that are made to be slow."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.servers.imap.pattern import Patterns


def plain(pattern: str, name: str) -> bool:
    """What RFC 9051 §6.3.9 says, as a regular expression: for short patterns only."""
    signs = {"*": ".*", "%": "[^/]*"}
    return re.fullmatch("".join(signs.get(sign, re.escape(sign)) for sign in pattern), name, re.DOTALL) is not None


@given(st.text("ab/*%", max_size=9), st.text("ab/", max_size=12))
def test_patterns_match_what_they_mean(pattern: str, name: str) -> None:
    assert Patterns([pattern]).match(name) is plain(pattern, name)


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("inbox", "INBOX", True),
        ("InBoX/%", "INBOX/below", True),
        ("inbox*", "inboxes", True),
        ("INBOX*", "inboxes", False),
        ("inb*", "INBOX", False),  # the name that it stands for is in upper case
        ("Work/%", "Work/a/b", False),
        ("Work*", "Work/a/b", True),
        ("", "", True),
        ("", "a", False),
        ("日%", "日本語", True),
    ],
)
def test_some_that_clients_send(pattern: str, name: str, *, matches: bool) -> None:
    assert Patterns([pattern]).match(name) is matches


@pytest.mark.parametrize("pattern", ["*a" * 30_000, "%a" * 30_000, "*" * 60_000, "%*" * 30_000, "*a%" * 20_000])
def test_no_pattern_takes_longer_than_its_name_is_long(pattern: str) -> None:
    patterns = Patterns([pattern])
    names = ["a" * length + "/" + "a" * length for length in range(100)]
    assert [patterns.match(name) for name in names] == [pattern.strip("*%") == ""] * len(names)
