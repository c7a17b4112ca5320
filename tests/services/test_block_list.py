"""Lists of addresses, asked by DNS."""

from __future__ import annotations

import pytest

from pillarbox.core.dns import Answer, Question, Status, drive
from pillarbox.services.block_list import AddressList, Listing, listed, parse_list, reversed_address, with_reason

LIST, STRICT = parse_list("bl.example.org"), parse_list("bl.example.net=127.0.0.2,127.0.0.8/30")


def ask(address: str, *answers: str, lists: tuple[AddressList, ...] = (LIST, STRICT)) -> list[str]:
    """The lists that have an address when each answers so."""
    given = Answer(Status.FOUND if answers else Status.NO_NAME, answers)
    return [listing.domain for listing in drive(listed(address, lists), lambda _: given)]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("192.0.2.99", "99.2.0.192"),
        ("::ffff:192.0.2.99", "99.2.0.192"),
        # the example of RFC 5782 §2.4
        ("2001:db8:1:2:3:4:567:89ab", "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2"),
        ("fe80::1%eth0", "1." + "0." * 28 + "8.e.f"),
    ],
)
def test_an_address_is_asked_for_backwards(address: str, name: str) -> None:
    assert reversed_address(address) == name


def test_all_lists_are_asked_at_the_same_time() -> None:
    lookup = listed("192.0.2.99", (LIST, STRICT))
    assert next(lookup) == (
        Question("99.2.0.192.bl.example.org", "A"),
        Question("99.2.0.192.bl.example.net", "A"),
    )
    lookup.close()


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([], []),
        (["127.0.0.2"], ["bl.example.org", "bl.example.net"]),
        (["127.0.0.4"], ["bl.example.org"]),
        (["127.0.0.4", "127.0.0.9"], ["bl.example.org", "bl.example.net"]),
        (["127.255.255.254"], []),  # "you ask by a public resolver"
        (["127.255.255.255"], []),
        (["127.0.0.1"], []),  # RFC 5782 §5: a list that has this lists the world
        (["203.0.113.7"], []),  # a domain that was sold answers everything with its advertisements
        (["what"], []),
    ],
)
def test_only_answers_that_count_make_a_listing(answers: list[str], found: list[str]) -> None:
    assert ask("192.0.2.99", *answers) == found


def test_a_list_that_does_not_answer_has_nobody() -> None:
    assert drive(listed("192.0.2.99", (LIST,)), lambda _: Answer(Status.FAILED, ("127.0.0.2",))) == ()


def test_no_lists_ask_nothing() -> None:
    assert ask("192.0.2.99", "127.0.0.2", lists=()) == []


def test_the_reason_is_printable_and_short() -> None:
    text = b"See https://bl.example.org/?ip=192.0.2.99\r\n250 ok\x00" + b"x" * 500
    listing = drive(with_reason("192.0.2.99", Listing("bl.example.org")), lambda _: Answer(Status.FOUND, (text,)))
    assert listing.reason.startswith("See https://bl.example.org/?ip=192.0.2.99 250 ok x")
    assert len(listing.reason) == 200


@pytest.mark.parametrize(
    "text", ["", "org", "bl example.org", "bl.example.org=", "bl.example.org=10.0.0.1", "a.b=127/x"]
)
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no list|after the = stand"):
        parse_list(text)
