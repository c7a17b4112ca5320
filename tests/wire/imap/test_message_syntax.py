import pytest

from pillarbox.wire.imap.command import Command
from pillarbox.wire.imap.message_command import Copy, Expunge, Store
from pillarbox.wire.imap.sequence_set import STAR, SequenceSet
from tests.wire.imap.server import Server, parsed, refused

SOME = SequenceSet(((1, 3), (5, STAR)))


@pytest.mark.parametrize("is_uid", [False, True])
@pytest.mark.parametrize(
    ("text", "operation", "flags", "is_silent"),
    [
        ("FLAGS (\\Seen $Forwarded)", "=", ("\\Seen", "$Forwarded"), False),
        ("+FLAGS (\\Deleted)", "+", ("\\Deleted",), False),
        ("-flags.silent (Junk)", "-", ("Junk",), True),
        ("FLAGS ()", "=", (), False),
        ("+FLAGS.SILENT \\Seen \\Answered", "+", ("\\Seen", "\\Answered"), True),
    ],
)
def test_store(text: str, operation: str, flags: tuple[str, ...], is_silent: bool, is_uid: bool) -> None:
    uid = "UID " if is_uid else ""
    assert parsed(f"{uid}STORE 1:3,5:* {text}") == Store(SOME, operation, flags, is_silent, is_uid)
    conditional = parsed(f"{uid}STORE 1:3,5:* (unchangedsince 0) {text}")
    assert conditional == Store(SOME, operation, flags, is_silent, is_uid, unchanged_since=0)


@pytest.mark.parametrize("is_uid", [False, True])
@pytest.mark.parametrize(("name", "is_move"), [("COPY", False), ("MOVE", True)])
def test_copy_and_move(name: str, is_move: bool, is_uid: bool) -> None:
    uid = "UID " if is_uid else ""
    assert parsed(f"{uid}{name} $ inbox") == Copy(SequenceSet(is_saved=True), "INBOX", is_uid, is_move)
    assert parsed(f'{uid}{name} 1:3,5:* "a b"') == Copy(SOME, "a b", is_uid, is_move)


@pytest.mark.parametrize(("text", "command"), [("EXPUNGE", Expunge()), ("UID EXPUNGE 1:3,5:*", Expunge(SOME))])
def test_expunge(text: str, command: Command) -> None:
    assert parsed(text) == command


def test_store_and_expunge_may_come_in_one_packet() -> None:
    server = Server()
    assert server.say(b"a UID STORE 1 +FLAGS (\\Deleted)\r\nb EXPUNGE\r\n") == b"a OK done\r\nb OK done\r\n"
    assert [type(command) for command in server.commands] == [Store, Expunge]


@pytest.mark.parametrize(
    "text",
    [
        "STORE",
        "STORE 1",
        "STORE 1 FLAGS",
        "STORE 1 FLAGS ",
        "STORE 1 FOO (\\Seen)",
        "STORE 1 +-FLAGS (\\Seen)",
        "STORE 1 FLAGS.LOUD (\\Seen)",
        "STORE 1 FLAGS(\\Seen)",
        "STORE 1 FLAGS (\\Seen",
        "STORE 1 FLAGS (\\Seen) \\Seen",
        "STORE 1 FLAGS (\\*)",
        "STORE 1 FLAGS (a]b)",
        "STORE 1 FLAGS (\\\\Seen)",
        'STORE 1 FLAGS ("x")',
        "STORE 1 FLAGS (\\)",
        "STORE 1 (UNCHANGEDSINCE) FLAGS ()",
        "STORE 1 (UNCHANGEDSINCE -1) FLAGS ()",
        "STORE 1 (UNCHANGEDSINCE 9223372036854775808) FLAGS ()",
        "STORE 1 (FOO 1) FLAGS ()",
        "COPY 1",
        "COPY INBOX",
        "COPY 0 INBOX",
        "MOVE 1 a b",
        "EXPUNGE 1",
        "UID EXPUNGE",
        "UID EXPUNGE x",
    ],
)
def test_what_is_no_such_command_is_refused(text: str) -> None:
    assert refused(text).startswith("BAD ")


def test_very_many_flags_are_refused() -> None:
    flags = " ".join(["$a"] * 1001)
    assert refused(f"STORE 1 FLAGS ({flags})").startswith("NO [LIMIT] ")
    assert refused(f"STORE 1 FLAGS {flags}").startswith("NO [LIMIT] ")
    assert refused(f"APPEND INBOX ({flags}) {{5}}").startswith("NO [LIMIT] ")
