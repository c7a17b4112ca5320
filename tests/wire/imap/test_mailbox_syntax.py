import pytest

from pillarbox.wire.imap.command import (
    Check,
    Close,
    Command,
    Create,
    Delete,
    GetJmapAccess,
    List,
    Namespace,
    Rename,
    Resync,
    Select,
    Status,
    Subscribe,
    Unauthenticate,
    Unselect,
)
from pillarbox.wire.imap.sequence_set import SequenceSet
from tests.wire.imap.server import parsed, refused


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("SELECT inbox", Select("INBOX", is_read_only=False)),
        ('EXAMINE "R&-D"', Select("R&D", is_read_only=True)),
        ("SELECT a]b (condstore)", Select("a]b", is_read_only=False, condstore=True)),
        ("CREATE a/b/", Create("a/b", has_separator=True)),
        ("CREATE {3+}\r\na b", Create("a b")),
        ("CREATE Bin (USE (\\Trash))", Create("Bin", ("\\Trash",))),
        ("CREATE x (USE ())", Create("x")),
        ('DELETE ""', Delete("")),
        ("RENAME a {1+}\r\nb", Rename("a", "b")),
        ("SUBSCRIBE #news.x", Subscribe("#news.x", is_on=True)),
        ("UNSUBSCRIBE Entw&APw-rfe", Subscribe("Entwürfe", is_on=False)),
        ("STATUS inbox (messages UIDNEXT)", Status("INBOX", ("MESSAGES", "UIDNEXT"))),
        (
            "STATUS x (RECENT UIDVALIDITY UNSEEN DELETED SIZE)",
            Status("x", ("RECENT", "UIDVALIDITY", "UNSEEN", "DELETED", "SIZE")),
        ),
        (
            "STATUS x (HIGHESTMODSEQ MAILBOXID APPENDLIMIT DELETED-STORAGE)",
            Status("x", ("HIGHESTMODSEQ", "MAILBOXID", "APPENDLIMIT", "DELETED-STORAGE")),
        ),
        ("NAMESPACE", Namespace()),
        ("CLOSE", Close()),
        ("UNSELECT", Unselect()),
        ("CHECK", Check()),
        ("UNAUTHENTICATE", Unauthenticate()),
        ("GETJMAPACCESS", GetJmapAccess()),
    ],
)
def test_commands_about_mailboxes(text: str, command: Command) -> None:
    assert parsed(text) == command


@pytest.mark.parametrize(
    ("parameters", "resync"),
    [
        ("67890007 20050715194045000", Resync(67890007, 20050715194045000)),
        ("1 0", Resync(1, 0)),
        ("1 2 41,43:211", Resync(1, 2, SequenceSet(((41, 41), (43, 211))))),
        (
            "1 2 1:9 (1,3 2,6)",
            Resync(1, 2, SequenceSet(((1, 9),)), (SequenceSet(((1, 1), (3, 3))), SequenceSet(((2, 2), (6, 6))))),
        ),
        ("1 2 (1 2)", Resync(1, 2, None, (SequenceSet(((1, 1),)), SequenceSet(((2, 2),))))),
    ],
)
def test_select_may_resynchronise(parameters: str, resync: Resync) -> None:
    command = parsed(f"SELECT INBOX (QRESYNC ({parameters}))")
    assert command == Select("INBOX", is_read_only=False, resync=resync)
    both = parsed(f"EXAMINE INBOX (QRESYNC ({parameters}) CONDSTORE)")
    assert both == Select("INBOX", is_read_only=True, condstore=True, resync=resync)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT",
        "SELECT ",
        "SELECT a b",
        "SELECT (INBOX)",
        "SELECT a%",
        'SELECT "a',
        "SELECT INBOX ()",
        "SELECT INBOX (FOO)",
        "SELECT INBOX (CONDSTORE CONDSTORE)",
        "SELECT INBOX (QRESYNC)",
        "SELECT INBOX (QRESYNC (1))",
        "SELECT INBOX (QRESYNC (0 1))",
        "SELECT INBOX (QRESYNC (1 2 *))",
        "SELECT INBOX (QRESYNC (1 2 1:*))",
        "SELECT INBOX (QRESYNC (1 2 $))",
        "SELECT INBOX (QRESYNC (1 2 1 (1)))",
        "SELECT INBOX (QRESYNC (1 2 1 (1:* 1:*)))",
        "SELECT INBOX (QRESYNC (1 9223372036854775808))",
        "SELECT INBOX (QRESYNC (4294967296 1))",
        "CREATE x (USE \\Trash)",
        "CREATE x (USE (Trash))",
        "CREATE x (FOO)",
        "DELETE",
        "RENAME a",
        "STATUS INBOX",
        "STATUS INBOX ()",
        "STATUS INBOX MESSAGES",
        "STATUS INBOX (FOO)",
        "STATUS INBOX (MESSAGES  UNSEEN)",
        "NAMESPACE x",
        "CLOSE x",
        "IDLE x",
    ],
)
def test_what_is_no_such_command_is_refused(text: str) -> None:
    assert refused(text).startswith("BAD ")


@pytest.mark.parametrize("name", [b"R&D", b"&AC8-", b'"a\x01b"', b'"\xff"', b"{2+}\r\n\r\n", b"x" * 17000])
def test_a_name_that_can_be_none_is_refused_with_no(name: bytes) -> None:
    assert refused(b"SELECT " + name).startswith("NO [CANNOT] ")


def test_names_are_utf8_once_it_is_enabled() -> None:
    assert parsed('SELECT "R&D é"', is_utf8=True) == Select("R&D é", is_read_only=False)
    assert parsed('SELECT "&AOk-"', is_utf8=True) == Select("&AOk-", is_read_only=False)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ('LIST "" *', List("", ("*",))),
        ('LIST "" ""', List("", ("",))),
        ("LIST #news. %", List("#news.", ("%",))),
        ('LIST "" {3+}\r\na*b', List("", ("a*b",))),
        ('LIST "" inbox', List("", ("INBOX",))),
        ('LIST "" "Entw&APw-%"', List("", ("Entwü%",))),
        ('LSUB "" %', List("", ("%",), is_lsub=True)),
        ('LIST () "" *', List("", ("*",), is_extended=True)),
        ('LIST (subscribed) "" *', List("", ("*",), frozenset({"SUBSCRIBED"}), is_extended=True)),
        (
            'LIST (SUBSCRIBED REMOTE RECURSIVEMATCH SPECIAL-USE) "" *',
            List("", ("*",), frozenset({"SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"}), is_extended=True),
        ),
        ('LIST "" (INBOX "Sent Items" a/%)', List("", ("INBOX", "Sent Items", "a/%"), is_extended=True)),
        ('LIST "" * RETURN ()', List("", ("*",), is_extended=True)),
        (
            'LIST "" % return (Subscribed CHILDREN SPECIAL-USE MYRIGHTS)',
            List(
                "", ("%",), returned=frozenset({"SUBSCRIBED", "CHILDREN", "SPECIAL-USE", "MYRIGHTS"}), is_extended=True
            ),
        ),
        (
            'LIST "" % RETURN (STATUS (MESSAGES UNSEEN) SUBSCRIBED)',
            List("", ("%",), returned=frozenset({"SUBSCRIBED"}), status=("MESSAGES", "UNSEEN"), is_extended=True),
        ),
    ],
)
def test_list_in_its_forms(text: str, command: Command) -> None:
    assert parsed(text) == command


@pytest.mark.parametrize(
    "text",
    [
        "LIST",
        'LIST ""',
        'LIST "" * x',
        'LIST (FOO) "" *',
        'LIST (RECURSIVEMATCH) "" *',
        'LIST (REMOTE RECURSIVEMATCH) "" *',
        'LIST "" ()',
        'LIST "" (a (b))',
        'LIST "" * RETURN',
        'LIST "" * RETURN (FOO)',
        'LIST "" * RETURN (STATUS)',
        'LIST "" * RETURN (STATUS ())',
        'LIST "" * RETURN (SUBSCRIBED',
        'LSUB "" (a b)',
        'LSUB (SUBSCRIBED) "" *',
    ],
)
def test_what_is_no_list_is_refused(text: str) -> None:
    assert refused(text).startswith("BAD ")


def test_list_has_only_so_many_patterns() -> None:
    assert refused('LIST "" (' + " ".join(["*"] * 101) + ")").startswith("NO [LIMIT] ")
