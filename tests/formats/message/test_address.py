"""Address lists as attackers write them: always an end, and something to show (RFC 5322 §3.4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.formats.message.address import parse_addresses, parse_groups

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


@given(st.lists(st.sampled_from(_PIECES), max_size=40).map("".join))
def test_whatever_is_written_comes_to_an_end(text: str) -> None:
    addresses = [address for group in parse_groups(text) for address in group.addresses]
    assert addresses == parse_addresses(text)
