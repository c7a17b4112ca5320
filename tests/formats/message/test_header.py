from collections.abc import Callable

import pytest

from pillarbox.formats.message import (
    EmailAddress,
    as_addresses,
    as_date,
    as_grouped_addresses,
    as_message_ids,
    as_raw,
    as_text,
    as_urls,
    date_utc,
    find,
    form_allowed,
    scan,
)

RFC_EXAMPLE = (
    b' "  James Smythe" <james@example.com>, Friends:\r\n'
    b"  jane@example.com, =?UTF-8?Q?John_Sm=C3=AEth?=\r\n  <john@example.com>;"
)
JAMES = EmailAddress("James Smythe", "james@example.com")
JANE = EmailAddress(None, "jane@example.com")
JOHN = EmailAddress("John Smîth", "john@example.com")


def test_the_example_of_rfc_8621_is_read_as_it_says() -> None:
    assert as_addresses(RFC_EXAMPLE) == [JAMES, JANE, JOHN]
    assert [(group.name, group.addresses) for group in as_grouped_addresses(RFC_EXAMPLE)] == [
        (None, [JAMES]),
        ("Friends", [JANE, JOHN]),
    ]


@pytest.mark.parametrize(
    ("value", "name", "email"),
    [
        (b"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "Pete", "pete@silly.test"),
        (b"<@a.example,@b.example:john@c.example>", None, "john@c.example"),
        (b"john@x.example (John\\", "John", "john@x.example"),
        (b"john@x.example (John (the) Baptist)", "John (the) Baptist", "john@x.example"),
        (b'"a b"@x.example', None, '"a b"@x.example'),
        (b'"Joe \\"Q\\" Public" <joe@x.example>', 'Joe "Q" Public', "joe@x.example"),
        (b'"=?utf-8?q?a,_b?=" <a@b>', "a, b", "a@b"),
        (b"=?iso-8859-1?Q?Smith,_J=F6rg?= <a@b>", "Smith, Jörg", "a@b"),
        (b"John Q. Public <a@b>", "John Q. Public", "a@b"),
        (b"a @ b . c", None, "a@b.c"),
        (b"Mary <mary@x", "Mary", "mary@x"),
        (b"Jane Roe jane@x", "Jane Roe", "jane@x"),
        (b'"Open <open@x>', "Open", "open@x"),
        (b"Andr\xe9 <andre@x>", "André", "andre@x"),
        (b"Andr\xc3\xa9 <andre@x>", "André", "andre@x"),
        (b"Deal Shopper", None, "Deal Shopper"),
        (b"=?x-nope?q?a?= <a@b>", "=?x-nope?q?a?=", "a@b"),
    ],
)
def test_an_address_is_read_as_well_as_it_can_be(value: bytes, name: str | None, email: str) -> None:
    assert as_addresses(value) == [EmailAddress(name, email)]


@pytest.mark.parametrize("value", [b"", b" ", b"undisclosed-recipients:;", b"<>", b"(only a comment", b",,,"])
def test_a_list_without_mailboxes_is_empty(value: bytes) -> None:
    assert as_addresses(value) == []


def test_groups_keep_their_names_even_without_members() -> None:
    groups = as_grouped_addresses(b"a@b, Empty:;, Two: c@d, e@f;, g@h")

    assert [(group.name, [each.email for each in group.addresses]) for group in groups] == [
        (None, ["a@b"]),
        ("Empty", []),
        ("Two", ["c@d", "e@f"]),
        (None, ["g@h"]),
    ]


def test_a_field_gives_a_thousand_addresses_at_most() -> None:
    assert len(as_addresses(b"a@b," * 5000)) == 1000
    assert len(as_addresses(b"(c) a@b," * 5000)) == 1000


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b" =?utf-8?q?a?=\r\n =?utf-8?q?b?= c", "ab c"),
        (b"foo=?utf-8?q?a?=", "foo=?utf-8?q?a?="),
        (b"=?utf-8?q?a b?=", "=?utf-8?q?a b?="),
        (b"=?utf-8?b?w6?= =?utf-8?b?k=?=", "\ufffd"),
        (b"=?utf-8?b?w6?= =?utf-8?b?qQ==?=", "é"),
        (b"=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "é"),
        (b"=?ISO-2022-JP?B?GyRCJCIbKEI=?=", "あ"),
        (b"=?iso-8859-1*de?q?=E4?=", "ä"),
        (b"=?x-nope?q?a?= =?utf-8?q?b?=", "=?x-nope?q?a?= b"),
        (b"=?utf-8?q?=00a=0D=0Ab?=", "ab"),
        (b"e\xcc\x81", "\u00e9"),
        (b"  two\r\n  lines", "two  lines"),
        (b"na\xc3\xafve \xff", "naïve \ufffd"),
    ],
)
def test_text_is_unfolded_decoded_and_normalised(value: bytes, text: str) -> None:
    assert as_text(value) == text


def test_raw_drops_nul_and_replaces_what_is_no_utf_8() -> None:
    assert as_raw(b" a\0b \xffc\r\n d") == " ab \ufffdc\r\n d"


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        (b" <a@b>", ["a@b"]),
        (b" <a@b> (x <c@d>)\r\n <e\r\n @f>", ["a@b", "e@f"]),
        (b'Your message of "Tue" <a@b>', ["a@b"]),
        (b"a@b", None),
        (b"", None),
        (b"<>", None),
    ],
)
def test_message_ids(value: bytes, ids: list[str] | None) -> None:
    assert as_message_ids(value) == ids


@pytest.mark.parametrize(
    ("value", "urls"),
    [
        (b"<mailto:a@b> (use this), <http://x/(y)>", ["mailto:a@b", "http://x/(y)"]),
        (b"NO (closed list <x:y>)", None),
    ],
)
def test_urls(value: bytes, urls: list[str] | None) -> None:
    assert as_urls(value) == urls


@pytest.mark.parametrize(
    ("value", "date", "utc"),
    [
        (b" Tue, 1 Jul 2003 10:52:37 +0200", "2003-07-01T10:52:37+02:00", "2003-07-01T08:52:37Z"),
        (b"21 Nov 97 09:55:06 GMT", "1997-11-21T09:55:06Z", "1997-11-21T09:55:06Z"),
        (b"Thu,\r\n 13 Feb 1969 23:32 -0330 (Newfoundland)", "1969-02-13T23:32:00-03:30", "1969-02-14T03:02:00Z"),
        (b"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", "1997-11-21T09:55:06-06:00", "1997-11-21T15:55:06Z"),
        (b"21 Nov 97 09:55 EST", "1997-11-21T09:55:00-05:00", "1997-11-21T14:55:00Z"),
        (b"Thu Aug 22 12:36:23 2002", "2002-08-22T12:36:23Z", "2002-08-22T12:36:23Z"),
        (b"1 Jan 2020 23:59:60 +0000", "2020-01-01T23:59:59Z", "2020-01-01T23:59:59Z"),
        (b"27 May 2002 10:28:3 +0200", "2002-05-27T10:28:03+02:00", "2002-05-27T08:28:03Z"),
        (b"31 Dec 9999 23:59:59 -0100", "9999-12-31T23:59:59-01:00", None),
        (b"31 Feb 2000 10:00:00 +0000", None, None),
        (b"1 Foo 2000 10:00:00 +0000", None, None),
        (b"soon", None, None),
        (b"", None, None),
    ],
)
def test_dates(value: bytes, date: str | None, utc: str | None) -> None:
    assert (as_date(value), date_utc(value)) == (date, utc)


@pytest.mark.parametrize(
    ("name", "form", "allowed"),
    [
        ("From", "asAddresses", True),
        ("resent-REPLY-TO", "asGroupedAddresses", True),
        ("Subject", "asAddresses", False),
        ("Subject", "asText", True),
        ("List-Id", "asText", True),
        ("From", "asText", False),
        ("Received", "asText", False),
        ("List-Post", "asURLs", True),
        ("List-Post", "asText", False),
        ("Date", "asDate", True),
        ("References", "asMessageIds", True),
        ("X-Any", "asDate", True),
        ("From", "asRaw", True),
        ("X-Any", "asNothing", False),
    ],
)
def test_a_form_may_be_asked_of_the_fields_that_the_rfc_names(name: str, form: str, *, allowed: bool) -> None:
    assert form_allowed(name, form) is allowed


def test_find_gives_the_last_of_a_name_or_all() -> None:
    data = b"X-A: 1\nx-a: 2\nB: 3\n\n"
    fields = scan(data).root.fields

    assert find(data, fields, "X-A") == b" 2"
    assert find(data, fields, "x-A", all=True) == [b" 1", b" 2"]
    assert find(data, fields, "C") is None
    assert find(data, fields, "C", all=True) == []


@pytest.mark.parametrize(
    "form", [as_raw, as_text, as_addresses, as_grouped_addresses, as_message_ids, as_date, as_urls]
)
@pytest.mark.parametrize(
    "piece",
    [b"(", b'"', b'"\\"', b"<", b"<,", b'<"', b"=?a?q?", b"\\", b" ", b"a\t", b"(\\", b":;", b"<a", b"[", b"\r\n "],
)
def test_hostile_repetition_is_read_to_its_end(form: Callable[[bytes], object], piece: bytes) -> None:
    # In quadratic time one of these would take minutes.
    found = form(b"x" + piece * (100_000 // len(piece)) + b"x")

    assert found is None or isinstance(found, str | list)
    assert not isinstance(found, list) or len(found) <= 5000
