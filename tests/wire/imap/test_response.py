import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.wire.imap import response
from pillarbox.wire.imap.mailbox_name import parse_name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", '""'),
        ("plain words", '"plain words"'),
        ('a "quote" and a \\', '"a \\"quote\\" and a \\\\"'),
        ("tab\there", '"tab\there"'),
        ("two\r\nlines", "{10}\r\ntwo\r\nlines"),
        ("caf\u00e9", "{5}\r\ncaf\u00e9"),
        ("nul\0", '"nul"'),
        ("x" * 1001, "{1001}\r\n" + "x" * 1001),
        ("half \ud83d", "{8}\r\nhalf \ufffd"),
    ],
)
def test_a_string_is_quoted_where_that_can_be_and_a_literal_elsewhere(text: str, shown: str) -> None:
    assert response.string(text) == shown


def test_a_session_with_utf8_reads_it_in_quotes() -> None:
    assert response.string('caf\u00e9 "x"', is_utf8=True) == '"caf\u00e9 \\"x\\""'
    assert response.string("caf\u00e9\n", is_utf8=True) == "{6}\r\ncaf\u00e9\n"


@given(st.text())
def test_a_literal_counts_the_octets_that_follow(text: str) -> None:
    octets = response.to_bytes(response.string(text + "\n"))

    head, _, rest = octets.partition(b"}\r\n")
    assert int(head[1:]) == len(rest)
    assert b"\0" not in octets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("INBOX", "INBOX"),
        ("a/b-c.d+e]", "a/b-c.d+e]"),
        ("", '""'),
        ("nil", '"nil"'),
        ("NIL", '"NIL"'),
        ("nile", "nile"),
        ("two words", '"two words"'),
        ("100%", '"100%"'),
        ("a*b", '"a*b"'),
        ("a{3}", '"a{3}"'),
        ("(a)", '"(a)"'),
    ],
)
def test_an_astring_is_an_atom_unless_it_would_be_read_as_something_else(text: str, shown: str) -> None:
    assert response.astring(text) == shown


@pytest.mark.parametrize("name", ["Entw\u00fcrfe", "R&D", "\U0001f600/x y", "a" * 2000, 'quote"\\'])
def test_a_mailbox_is_named_so_that_the_same_session_names_it_back(name: str) -> None:
    shown = response.mailbox(name, is_utf8=False)

    assert shown.isascii()
    assert parse_name(_read(shown), is_utf8=False) == name
    assert parse_name(_read(response.mailbox(name, is_utf8=True)), is_utf8=True) == name


def _read(shown: str) -> str:
    if shown.startswith("{"):
        return shown.partition("}\r\n")[2]
    if shown.startswith('"'):
        return shown[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return shown


def test_a_literal_holds_any_octets_but_nul_and_keeps_their_number() -> None:
    assert response.literal(b"a\0b\r\n\xff") == b"{6}\r\na\x80b\r\n\xff"
    assert response.literal(b"") == b"{0}\r\n"


def test_a_literal8_is_used_only_for_nul() -> None:
    assert response.literal8(b"a\0b") == b"~{3}\r\na\0b"
    assert response.literal8(b"ab") == b"{2}\r\nab"


def test_flags_are_told_from_keywords() -> None:
    assert response.flags("") == "()"
    assert response.flags(" $draft $forwarded $seen ") == r"(\Draft $forwarded \Seen)"
    assert response.flags(" $flagged $answered ", is_deleted=True) == r"(\Flagged \Answered \Deleted)"


def test_a_keyword_that_is_no_atom_is_not_shown() -> None:
    assert response.flags(" a(b $seen ") == r"(\Seen)"
