"""Address lists as attackers write them: always an end, and something to show (RFC 5322 §3.4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.formats.message.address import parse_addresses, parse_groups, parse_raw_groups

_PIECES = [
    '"',
    "\\",
    "(",
    ")",
    "<",
    ">",
    "[",
    "]",
    ",",
    ";",
    ":",
    "@",
    " ",
    "\t",
    "\r\n ",
    "a",
    ".",
    "=?utf-8?q?a?=",
    "=?",
]


@pytest.mark.parametrize(
    "text", ['"\\"', '"\\"\\"\\"', '"a\\" <a@b.example>', '"<"\\', '"one "two" three', '"(\\"<\\">']
)
def test_a_quote_that_never_closes_comes_to_an_end(text: str) -> None:
    assert parse_addresses(text)


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ("=?utf-8?q?Zo=C3=AB?= <zoe@example.org>", [(None, [("=?utf-8?q?Zo=C3=AB?=", "zoe@example.org")])]),
        ('"=?utf-8?q?Zo=C3=AB?=" <a@b> (x)', [(None, [("=?utf-8?q?Zo=C3=AB?=", "a@b")])]),
        ("a@b (=?utf-8?q?x?=)", [(None, [("=?utf-8?q?x?=", "a@b")])]),
        ("<@one,@two:a@b>, c@d", [(None, [(None, "@one,@two:a@b"), (None, "c@d")])]),
        ("=?utf-8?q?g?=: a@b, c@d;, e@f", [("=?utf-8?q?g?=", [(None, "a@b"), (None, "c@d")]), (None, [(None, "e@f")])]),
    ],
)
def test_addresses_can_be_had_as_they_are_written(
    text: str, raw: list[tuple[str | None, list[tuple[str | None, str]]]]
) -> None:
    groups = parse_raw_groups(text)

    assert [(group.name, [(each.name, each.email) for each in group.addresses]) for group in groups] == raw


@given(st.lists(st.sampled_from(_PIECES), max_size=40).map("".join))
def test_whatever_is_written_comes_to_an_end(text: str) -> None:
    addresses = [address for group in parse_groups(text) for address in group.addresses]
    assert addresses == parse_addresses(text)
