from datetime import date

import pytest

from pillarbox.wire.imap.fetch_item import Plain, Section
from pillarbox.wire.imap.message_command import Partial, Search
from pillarbox.wire.imap.search_key import (
    Dated,
    Either,
    Every,
    Fuzzy,
    HasFlag,
    Header,
    ModSeq,
    Not,
    Numbers,
    ObjectId,
    Recent,
    SaveDateSupported,
    SearchKey,
    Sized,
    StoredFilter,
    Text,
    Within,
)
from pillarbox.wire.imap.sequence_set import STAR, SequenceSet
from tests.wire.imap.server import parsed, refused

SEEN, DELETED = HasFlag("\\Seen"), HasFlag("\\Deleted")
FIRST_OF_FEBRUARY = date(2024, 2, 1)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("ALL", Every(())),
        ("seen", SEEN),
        ("UNSEEN", Not(SEEN)),
        ("ANSWERED", HasFlag("\\Answered")),
        ("UNANSWERED", Not(HasFlag("\\Answered"))),
        ("FLAGGED UNFLAGGED", Every((HasFlag("\\Flagged"), Not(HasFlag("\\Flagged"))))),
        ("DRAFT UNDRAFT", Every((HasFlag("\\Draft"), Not(HasFlag("\\Draft"))))),
        ("DELETED UNDELETED", Every((DELETED, Not(DELETED)))),
        ("NEW", Every((Recent(), Not(SEEN)))),
        ("OLD", Not(Recent())),
        ("RECENT", Recent()),
        ("KEYWORD $Forwarded", HasFlag("$Forwarded")),
        ("UNKEYWORD Junk", Not(HasFlag("Junk"))),
        ("FROM peter", Text("from", "peter")),
        ('TO "a b" CC {1+}\r\nc BCC d', Every((Text("to", "a b"), Text("cc", "c"), Text("bcc", "d")))),
        ('SUBJECT "" BODY x TEXT y', Every((Text("subject", ""), Text("body", "x"), Text("text", "y")))),
        ("HEADER Message-ID <a@b>", Header("Message-ID", "<a@b>")),
        ('HEADER "X-A" ""', Header("X-A", "")),
        ("BEFORE 1-Feb-2024", Dated("internal", "<", FIRST_OF_FEBRUARY)),
        ('ON "01-feb-2024"', Dated("internal", "=", FIRST_OF_FEBRUARY)),
        ("SINCE 1-FEB-2024", Dated("internal", ">=", FIRST_OF_FEBRUARY)),
        ("SENTBEFORE 1-Feb-2024", Dated("sent", "<", FIRST_OF_FEBRUARY)),
        ("SENTON 1-Feb-2024", Dated("sent", "=", FIRST_OF_FEBRUARY)),
        ("SENTSINCE 1-Feb-2024", Dated("sent", ">=", FIRST_OF_FEBRUARY)),
        ("SAVEDBEFORE 1-Feb-2024", Dated("saved", "<", FIRST_OF_FEBRUARY)),
        ("SAVEDON 1-Feb-2024", Dated("saved", "=", FIRST_OF_FEBRUARY)),
        ("SAVEDSINCE 1-Feb-2024", Dated("saved", ">=", FIRST_OF_FEBRUARY)),
        ("SAVEDATESUPPORTED", SaveDateSupported()),
        ("LARGER 0", Sized(is_larger=True, octets=0)),
        ("SMALLER 4294967296", Sized(is_larger=False, octets=4294967296)),
        ("OLDER 86400", Within(is_older=True, seconds=86400)),
        ("YOUNGER 1", Within(is_older=False, seconds=1)),
        ("EMAILID M6d99ac3275bb4e", ObjectId("email", "M6d99ac3275bb4e")),
        ("THREADID T-_1", ObjectId("thread", "T-_1")),
        ("MODSEQ 620162338", ModSeq(620162338)),
        ("MODSEQ 0", ModSeq(0)),
        ('MODSEQ "/flags/\\\\draft" all 620162338', ModSeq(620162338)),
        ("FILTER on-the-road", StoredFilter("on-the-road")),
        ("1:5,9", Numbers(SequenceSet(((1, 5), (9, 9))), is_uid=False)),
        ("UIDAFTER 7", Numbers(SequenceSet(((8, 4294967295),)), is_uid=True)),
        ("UIDAFTER 4294967295", Not(Every(()))),
        ("UIDBEFORE 7", Numbers(SequenceSet(((1, 6),)), is_uid=True)),
        ("UIDBEFORE 1", Not(Every(()))),
        ("*", Numbers(SequenceSet(((STAR, STAR),)), is_uid=False)),
        ("UID 7:*", Numbers(SequenceSet(((7, STAR),)), is_uid=True)),
        ("$", Numbers(SequenceSet(is_saved=True), is_uid=False)),
        ("UID $", Numbers(SequenceSet(is_saved=True), is_uid=True)),
        ("NOT SEEN", Not(SEEN)),
        ("NOT NOT SEEN", Not(Not(SEEN))),
        ("FUZZY TEXT x", Fuzzy(Text("text", "x"))),
        ("FUZZY (SEEN TEXT x)", Fuzzy(Every((SEEN, Text("text", "x"))))),
        ("OR SEEN DELETED", Either(SEEN, DELETED)),
        ("OR (SEEN DELETED) NOT 1", Either(Every((SEEN, DELETED)), Not(Numbers(SequenceSet(((1, 1),)), is_uid=False)))),
        ("OR OR SEEN DELETED RECENT", Either(Either(SEEN, DELETED), Recent())),
        ("((SEEN))", SEEN),
        ("(SEEN DELETED) RECENT", Every((Every((SEEN, DELETED)), Recent()))),
        ("CHARSET UTF-8 SUBJECT {2+}\r\né", Text("subject", "é")),
        ('charset "us-ascii" SEEN', SEEN),
        ('SUBJECT "é"', Text("subject", "é")),
    ],
)
def test_keys(text: str, key: SearchKey) -> None:
    has_modseq = "MODSEQ" in text
    assert parsed(f"SEARCH {text}") == Search(key, is_uid=False, is_modseq_wanted=has_modseq)
    assert parsed(f"UID SEARCH {text}") == Search(key, is_uid=True, is_modseq_wanted=has_modseq)


@pytest.mark.parametrize(
    ("text", "returned", "partial"),
    [
        ("RETURN ()", set(), None),
        ("RETURN (MIN MAX count all SAVE)", {"MIN", "MAX", "COUNT", "ALL", "SAVE"}, None),
        ("RETURN (UPDATE PARTIAL 2:1)", {"UPDATE"}, Partial(2, 1)),
        ("RETURN (CONTEXT UPDATE)", {"CONTEXT", "UPDATE"}, None),
        ("return (PARTIAL 1:500)", set(), Partial(1, 500)),
        ("RETURN (PARTIAL -1:-100 COUNT)", {"COUNT"}, Partial(-1, -100)),
    ],
)
def test_results(text: str, returned: set[str], partial: Partial | None) -> None:
    assert parsed(f"UID SEARCH {text} SEEN") == Search(SEEN, True, frozenset(returned), partial)
    assert parsed(f"SEARCH {text} CHARSET UTF-8 SEEN") == Search(SEEN, False, frozenset(returned), partial)


def test_what_is_fetched_of_later_messages_stands_behind_update() -> None:
    command = parsed("SEARCH RETURN (COUNT UPDATE (UID BODY.PEEK[HEADER]) MIN) SEEN")
    items = (Plain.UID, Section(what="HEADER", is_peek=True))
    assert command == Search(SEEN, False, frozenset({"COUNT", "UPDATE", "MIN"}), update_items=items)


def test_relevancy_is_told_of_a_fuzzy_search() -> None:
    command = parsed("SEARCH RETURN (RELEVANCY ALL) NOT (FUZZY SEEN)")
    assert command == Search(Not(Fuzzy(SEEN)), False, frozenset({"RELEVANCY", "ALL"}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "FOO",
        "SEEN FOO",
        "SEEN  DELETED",
        "()",
        "(SEEN",
        "SEEN)",
        "(SEEN )",
        "NOT",
        "NOT ",
        "OR SEEN",
        "FUZZY",
        "FROM",
        "FROM (x)",
        "HEADER Subject",
        "BEFORE 30-Feb-2024",
        "BEFORE 1-Fab-2024",
        "BEFORE 0-Feb-2024",
        "BEFORE 1-Feb-24",
        "BEFORE 1-Feb-0000",
        'BEFORE "1-Feb-2024',
        "BEFORE 2024-02-01",
        "LARGER",
        "LARGER -1",
        "LARGER x",
        "LARGER 9223372036854775808",
        "OLDER 0",
        "KEYWORD",
        "KEYWORD (x)",
        "UID",
        "UIDAFTER 0",
        "UIDBEFORE 1:2",
        "UID 0",
        "UID SEEN",
        "0",
        "1:",
        "MODSEQ",
        'MODSEQ "/flags/x" 5',
        'MODSEQ "/other/x" all 5',
        "EMAILID",
        "EMAILID a.b",
        "FILTER a/b",
        "CHARSET UTF-8",
        "RETURN SEEN",
        "RETURN (FOO) SEEN",
        "RETURN (MIN",
        "RETURN (MIN )",
        "RETURN ( MIN) SEEN",
        "RETURN (RELEVANCY) SEEN",
        "RETURN (UPDATE ()) SEEN",
        "RETURN (UPDATE (FOO)) SEEN",
        "RETURN (COUNT (UID)) SEEN",
        "RETURN (MIN)",
        "RETURN (PARTIAL) SEEN",
        "RETURN (PARTIAL 1:2 ALL) SEEN",
        "RETURN (PARTIAL 1:2 PARTIAL 3:4) SEEN",
        "SEEN RETURN (MIN)",
    ],
)
def test_what_is_no_search_program_is_refused(text: str) -> None:
    assert refused(f"SEARCH {text}").startswith("BAD ")


@pytest.mark.parametrize(
    "text",
    [
        b"CHARSET ISO-8859-1 SUBJECT x",
        b'CHARSET "UTF-7" SUBJECT x',
        b"CHARSET UTF-8 SUBJECT {1+}\r\n\xe9",
        b'SUBJECT "\xe9"',
        b'HEADER Subject "\xed\xa0\x80"',
    ],
)
def test_text_is_utf8_or_in_no_known_charset(text: bytes) -> None:
    assert refused(b"SEARCH " + text).startswith("NO [BADCHARSET (UTF-8)] ")


@pytest.mark.parametrize("nest", ["NOT ", "(", "FUZZY ", "OR ALL ", "OR (ALL ALL) (", "NOT ("])
def test_a_program_that_is_nested_too_deep_is_refused(nest: str) -> None:
    for depth in (101, 4000):
        assert refused(f"SEARCH {nest * depth}").startswith("NO [LIMIT] ")


def test_a_program_may_be_nested_as_deep_as_clients_do() -> None:
    assert isinstance(parsed("SEARCH " + "OR FROM a " * 90 + "FROM b"), Search)
    assert parsed("SEARCH " + "(" * 99 + "SEEN" + ")" * 99) == Search(SEEN, is_uid=False)


def test_a_program_of_very_many_keys_is_refused() -> None:
    assert isinstance(parsed("SEARCH " + " ".join(["ALL"] * 2000)), Search)
    assert refused("SEARCH " + " ".join(["ALL"] * 2001)).startswith("NO [LIMIT] ")
    assert refused("SEARCH " + "OR ALL ALL " * 1000).startswith("NO [LIMIT] ")


@pytest.mark.parametrize("number", ["9223372036854775808", "18446744073709551615", "9" * 40])
def test_a_number_that_is_too_large_is_called_so(number: str) -> None:
    assert "A number is out of bounds" in refused(f"SEARCH LARGER {number}")
