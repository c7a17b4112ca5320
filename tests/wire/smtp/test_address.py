import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.wire.smtp.address import Address, BadPath, parse_path


@pytest.mark.parametrize(
    ("text", "address", "rest"),
    [
        ("<a@example.org>", Address("a", "example.org"), ""),
        ("<a.b+c@example.org> SIZE=1", Address("a.b+c", "example.org"), " SIZE=1"),
        ('<"a b"@example.org>', Address("a b", "example.org"), ""),
        ('<"a\\"b>"@example.org>', Address('a"b>', "example.org"), ""),
        ('<""@example.org>', Address("", "example.org"), ""),
        ("<@one.example,@two.example:a@example.org>", Address("a", "example.org"), ""),
        ("<a@[192.0.2.1]>", Address("a", "[192.0.2.1]"), ""),
        ("<a@[IPv6:2001:db8::1]>", Address("a", "[IPv6:2001:db8::1]"), ""),
        ("<a@localhost>", Address("a", "localhost"), ""),
        ("<a@under_score.example>", Address("a", "under_score.example"), ""),
        ("<jiří@příklad.example>", Address("jiří", "příklad.example"), ""),
        (f"<{'a' * 64}@example.org>", Address("a" * 64, "example.org"), ""),
    ],
)
def test_a_path_is_read_and_written(text: str, address: Address, rest: str) -> None:
    assert parse_path(text) == (address, rest)
    assert parse_path(f"<{address}>") == (address, "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a@b",
        "<",
        "<a",
        "<a@",
        "<a@>",
        "<@>",
        "<a@b",
        "<a>",
        "<>",
        "<a@@b>",
        "<a@b@c>",
        "<a..b@c>",
        "<.a@b>",
        "<a.@b>",
        "<a@b..c>",
        "<a@-b>",
        "<a@b->",
        "<a b@c>",
        "<a@b c>",
        '<"a@b>',
        '<"a"b@c>',
        "<a@[1.2.3]>",
        "<a@[IPv6:zz]>",
        "<a@[]>",
        "<a@[tag:x]>",
        "<a\x00@b>",
        "<a@b.>",
        "<@x:>",
        "<@x,a@b>",
        "<a\x85@b>",
        "<postmaster>",
    ],
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(BadPath) as caught:
        parse_path(text)
    assert not caught.value.too_long


@pytest.mark.parametrize(
    "text",
    [f"<{'a' * 65}@b>", f"<{'ž' * 33}@b>", f"<a@{'b' * 64}>", f"<a@{'.'.join(['b' * 50] * 6)}>"],
)
def test_what_is_only_too_long_is_told_apart(text: str) -> None:
    with pytest.raises(BadPath) as caught:
        parse_path(text)
    assert caught.value.too_long


def test_the_null_path_and_postmaster_are_for_those_who_may() -> None:
    assert parse_path("<> BODY=7BIT", may_be_null=True) == (None, " BODY=7BIT")
    assert parse_path("<PostMaster>", may_be_postmaster=True) == (Address("PostMaster", ""), "")
    assert str(Address("PostMaster", "")) == "PostMaster"


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=64))
def test_every_local_part_can_be_written(local: str) -> None:
    assert parse_path(f"<{Address(local, 'example.org')}>")[0] == Address(local, "example.org")


@given(st.text(max_size=80))
def test_any_text_is_a_path_or_a_bad_path(text: str) -> None:
    try:
        address, rest = parse_path(text, may_be_null=True, may_be_postmaster=True)
    except BadPath:
        return
    assert text.endswith(rest)
    assert address is None or address.domain or address.local.lower() == "postmaster"
