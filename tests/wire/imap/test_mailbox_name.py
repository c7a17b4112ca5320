import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.wire.imap.mailbox_name import BadName, name_to_text, parse_name, parse_pattern

NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=40).filter(
    lambda name: name[:5].upper() != "INBOX"
)
PAIRS = [
    ("Sent", "Sent"),
    ("Entwürfe", "Entw&APw-rfe"),
    ("R&D", "R&-D"),
    ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
    ("Post 📬", "Post &2D3c7A-"),
    ("ÿ&ÿ", "&AP8-&-&AP8-"),
]


@pytest.mark.parametrize(("name", "encoded"), PAIRS)
def test_names_are_modified_utf7_both_ways(name: str, encoded: str) -> None:
    assert name_to_text(name, is_utf8=False) == encoded
    assert parse_name(encoded, is_utf8=False) == name


@given(NAMES)
def test_any_name_comes_back_from_modified_utf7(name: str) -> None:
    text = name_to_text(name, is_utf8=False)
    assert text.isascii()
    assert text.isprintable()
    assert parse_name(text, is_utf8=False) == name


@given(NAMES)
def test_with_utf8_a_name_is_itself_and_its_ampersands_too(name: str) -> None:
    assert parse_name(name_to_text(name, is_utf8=True), is_utf8=True) == name


@pytest.mark.parametrize("name", ["R&D", "&AOk-", "&", "Thunderbird & Co/é"])
def test_thunderbird_sends_ampersands_as_they_are_once_utf8_is_enabled(name: str) -> None:
    assert parse_name(name, is_utf8=True) == name


@pytest.mark.parametrize(
    "encoded",
    [
        "R&D",  # an ampersand that begins nothing
        "&",
        "&AOk",  # not ended
        "&AOk=-",  # padding
        "&A-",  # no whole octet
        "&AO-",  # half a UTF-16 unit
        "&AOl-",  # bits that should be zero
        "&2D0-",  # half of a pair of surrogates
        "&3KzYPQ-",  # a pair the wrong way round
        "&AC8-",  # "/", hidden
        "&ACo-",  # "*", hidden
        "&AGEAYg-",  # "ab", which stands for itself
        "&AAA-",  # NUL
        "&AA0ACg-",  # CR LF
        "&AIU-",  # NEL
        "&AO /-",
    ],
)
def test_what_is_no_modified_utf7_is_refused(encoded: str) -> None:
    with pytest.raises(BadName):
        parse_name(encoded, is_utf8=False)


@pytest.mark.parametrize("name", ["a\0b", "a\rb", "a\nb", "a\x7f", "a\x85", "a\u2028", "a\udcff", "\ud800"])
@pytest.mark.parametrize("is_utf8", [True, False])
def test_control_characters_and_broken_octets_are_in_no_name(name: str, *, is_utf8: bool) -> None:
    with pytest.raises(BadName):
        parse_name(name, is_utf8=is_utf8)


@pytest.mark.parametrize("is_utf8", [True, False])
def test_inbox_is_inbox_in_any_case(*, is_utf8: bool) -> None:
    names = ["inbox", "InBoX", "INBOX", "inbox/Child", "inboxes", "a/inbox", "inbo"]
    assert [parse_name(name, is_utf8=is_utf8) for name in names] == [
        "INBOX",
        "INBOX",
        "INBOX",
        "INBOX/Child",
        "inboxes",
        "a/inbox",
        "inbo",
    ]


def test_raw_utf8_is_understood_before_it_is_enabled() -> None:
    assert parse_name("Entwürfe", is_utf8=False) == "Entwürfe"


def test_a_pattern_is_decoded_and_a_broken_one_matches_nothing() -> None:
    assert parse_pattern("Entw&APw-%/*", is_utf8=False) == "Entwü%/*"
    assert parse_pattern("R&D*", is_utf8=False) == "R&D*"
    assert parse_pattern("a\udcff*", is_utf8=False) == "a\ufffd*"


def test_a_stored_name_that_is_half_a_character_can_be_shown() -> None:
    assert name_to_text("a\ud83d", is_utf8=False) == "a&,,0-"
