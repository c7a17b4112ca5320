import pytest

from pillarbox.wire.imap.command import Command
from pillarbox.wire.imap.message_command import CancelUpdate, Partial, Scope, Search, Sort, Thread, UidBatches
from pillarbox.wire.imap.options import State
from pillarbox.wire.imap.search_key import Every, Fuzzy, HasFlag, ModSeq, Text
from tests.wire.imap.server import parsed, refused

ALL, SEEN = Every(()), HasFlag("\\Seen")
NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize("is_uid", [False, True])
@pytest.mark.parametrize(
    ("text", "criteria", "key"),
    [
        ("(SUBJECT) UTF-8 ALL", (("SUBJECT", False),), ALL),
        ("(reverse Date) us-ascii SEEN", (("DATE", True),), SEEN),
        (
            '(REVERSE ARRIVAL CC REVERSE FROM SIZE TO DISPLAYFROM DISPLAYTO RELEVANCY) "UTF-8" FUZZY TEXT x SEEN',
            (
                ("ARRIVAL", True),
                ("CC", False),
                ("FROM", True),
                ("SIZE", False),
                ("TO", False),
                ("DISPLAYFROM", False),
                ("DISPLAYTO", False),
                ("RELEVANCY", False),
            ),
            Every((Fuzzy(Text("text", "x")), SEEN)),
        ),
    ],
)
def test_sort(text: str, criteria: tuple[tuple[str, bool], ...], key: Every, is_uid: bool) -> None:
    uid = "UID " if is_uid else ""
    assert parsed(f"{uid}SORT {text}") == Sort(criteria, key, is_uid)
    assert parsed(f"{uid}SORT RETURN (PARTIAL 1:5 COUNT) {text}") == Sort(
        criteria, key, is_uid, frozenset({"COUNT"}), Partial(1, 5)
    )


def test_sort_tells_that_modification_sequences_are_wanted() -> None:
    command = parsed("SORT (DATE) UTF-8 MODSEQ 5")
    assert command == Sort((("DATE", False),), ModSeq(5), is_uid=False, is_modseq_wanted=True)


@pytest.mark.parametrize("is_uid", [False, True])
@pytest.mark.parametrize("algorithm", ["ORDEREDSUBJECT", "REFERENCES", "REFS"])
def test_thread(algorithm: str, is_uid: bool) -> None:
    uid = "UID " if is_uid else ""
    assert parsed(f"{uid}THREAD {algorithm.lower()} UTF-8 ALL SEEN") == Thread(algorithm, Every((ALL, SEEN)), is_uid)


@pytest.mark.parametrize(
    ("text", "returned", "scopes"),
    [
        ("UID ESEARCH SEEN", NONE, (Scope("selected"),)),
        ("ESEARCH SEEN", NONE, (Scope("selected"),)),
        ("ESEARCH CHARSET UTF-8 SEEN", NONE, (Scope("selected"),)),
        ("ESEARCH RETURN (SAVE COUNT) SEEN", {"SAVE", "COUNT"}, (Scope("selected"),)),
        ("ESEARCH IN (personal) RETURN () SEEN", NONE, (Scope("personal"),)),
        (
            'ESEARCH in (mailboxes ("folder1" folder2) subtree a subtree-one (b) inboxes subscribed selected) SEEN',
            NONE,
            (
                Scope("mailboxes", ("folder1", "folder2")),
                Scope("subtree", ("a",)),
                Scope("subtree-one", ("b",)),
                Scope("inboxes"),
                Scope("subscribed"),
                Scope("selected"),
            ),
        ),
    ],
)
def test_esearch(text: str, returned: frozenset[str], scopes: tuple[Scope, ...]) -> None:
    command = Search(SEEN, is_uid=True, returned=frozenset(returned), scopes=scopes)
    assert parsed(text) == command
    if Scope("selected") in scopes:
        assert refused(text, State.AUTHENTICATED) == "BAD No mailbox is selected"
    else:
        assert parsed(text, State.AUTHENTICATED) == command


def test_updates_come_for_a_selected_mailbox() -> None:
    assert isinstance(parsed("ESEARCH IN (personal) RETURN (UPDATE) SEEN"), Search)
    assert refused("ESEARCH IN (personal) RETURN (UPDATE) SEEN", State.AUTHENTICATED).startswith("BAD ")


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ('CANCELUPDATE "B01" "B02"', CancelUpdate(("B01", "B02"))),
        ("UIDBATCHES 2000", UidBatches(2000)),
        ("UIDBATCHES 2000 10:20", UidBatches(2000, 10, 20)),
    ],
)
def test_others(text: str, command: Command) -> None:
    assert parsed(text) == command


@pytest.mark.parametrize(
    "text",
    [
        "SORT SUBJECT UTF-8 ALL",
        "SORT () UTF-8 ALL",
        "SORT (REVERSE) UTF-8 ALL",
        "SORT (REVERSE REVERSE DATE) UTF-8 ALL",
        "SORT (FOO) UTF-8 ALL",
        "SORT (DATE) UTF-8",
        "SORT RETURN (FOO) (DATE) UTF-8 ALL",
        "THREAD FOO UTF-8 ALL",
        "THREAD REFERENCES UTF-8",
        "THREAD REFERENCES",
        "ESEARCH",
        "ESEARCH IN () SEEN",
        "ESEARCH IN (selected-delayed) SEEN",
        "ESEARCH IN (foo) SEEN",
        "ESEARCH IN (mailboxes) SEEN",
        "ESEARCH IN (personal) RETURN (SAVE) SEEN",
        "ESEARCH IN (selected personal) RETURN (SAVE) SEEN",
        "ESEARCH IN (personal (x)) SEEN",
        "ESEARCH IN (personal)",
        "SORT (RELEVANCY) UTF-8 TEXT x",
        "SORT RETURN (RELEVANCY) (DATE) UTF-8 TEXT x",
        "ESEARCH RETURN (RELEVANCY) TEXT x",
        "CANCELUPDATE",
        "CANCELUPDATE B01",
        "UIDBATCHES",
        "UIDBATCHES 0",
        "UIDBATCHES 5 1",
        "UIDBATCHES 5 0:1",
        "UIDBATCHES 5 1:*",
        "UIDBATCHES 5 1:2 x",
    ],
)
def test_what_is_no_such_command_is_refused(text: str) -> None:
    assert refused(text).startswith("BAD ")


def test_other_charsets_are_refused() -> None:
    assert refused("SORT (DATE) ALL").startswith("NO [BADCHARSET (UTF-8)] ")
    assert refused("SORT (DATE) ISO-8859-1 ALL").startswith("NO [BADCHARSET (UTF-8)] ")
    assert refused("UID THREAD REFS KOI8-R ALL").startswith("NO [BADCHARSET (UTF-8)] ")


def test_very_long_lists_are_refused() -> None:
    assert refused(f"SORT ({' '.join(['DATE'] * 21)}) UTF-8 ALL").startswith("NO [LIMIT] ")
    assert refused(f"ESEARCH IN ({' '.join(['personal'] * 101)}) SEEN").startswith("NO [LIMIT] ")
