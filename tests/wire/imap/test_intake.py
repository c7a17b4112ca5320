import pytest

from pillarbox.wire.imap.command import Login, Noop
from pillarbox.wire.imap.message_command import Search
from pillarbox.wire.imap.options import State
from pillarbox.wire.imap.search_key import Text
from tests.wire.imap.server import Server

BEFORE = State.NOT_AUTHENTICATED
SMUGGLED = b"z LOGOUT\r\n"


def test_a_literal_is_asked_for_where_it_stands() -> None:
    server = Server(BEFORE)
    assert server.say(b"a LOGIN {4}\r\n") == b"+ Ready\r\n"
    assert server.say(b"user") == b""
    assert server.say(b" {4}\r\n") == b"+ Ready\r\n"
    assert server.say(b'pa"s\r\n') == b"a OK done\r\n"
    assert server.commands == [Login("user", 'pa"s')]


def test_a_pushed_literal_is_not_asked_for() -> None:
    server = Server(BEFORE)
    assert server.say(b"a LOGIN {4+}\r\nuser {0+}\r\n\r\n") == b"a OK done\r\n"
    assert server.commands == [Login("user", "")]


def test_line_ends_and_markers_within_a_literal_are_its_text() -> None:
    server = Server()
    server.say(b"a SEARCH BODY {13+}\r\nb {3+}\r\nc d\r\n\r\n")
    assert server.commands == [Search(Text("body", "b {3+}\r\nc d\r\n"), is_uid=False)]


def test_a_literal_that_is_too_big_is_refused_before_it_is_sent() -> None:
    for state, size in ((BEFORE, 4097), (State.AUTHENTICATED, 128 * 1024 + 1), (BEFORE, 10**19)):
        server = Server(state)
        command = b"LOGIN" if state is BEFORE else b"SELECT"
        assert server.say(b"a %b {%d}\r\n" % (command, size)) == b"a NO [TOOBIG] The literal is too big\r\n"
        assert server.say(b"b NOOP\r\n") == b"b OK done\r\n"
        assert server.commands == [Noop()]


@pytest.mark.parametrize(("state", "size"), [(BEFORE, 60_000), (State.AUTHENTICATED, 9_000_000)])
def test_a_pushed_literal_that_is_too_big_is_read_over_in_step(state: State, size: int) -> None:
    server = Server(state)
    command = b"LOGIN" if state is BEFORE else b"RENAME"
    octets = SMUGGLED * (size // 10)
    assert server.say(b"a %b {%d+}\r\n" % (command, size)) == b""
    for at in range(0, size, 50_000):
        assert server.say(octets[at : at + 50_000]) == b""
        assert len(server.session._reader) == 0
    # More literals behind it are read over, too; one that is only announced will not come.
    assert server.say(b" {10+}\r\n" + SMUGGLED) == b""
    assert server.say(b" {10}\r\n") == b"a NO [TOOBIG] The literal is too big\r\n"
    assert server.say(b"b NOOP\r\n") == b"b OK done\r\n"
    assert server.commands == [Noop()]


def test_a_pushed_literal_that_is_far_too_big_ends_the_connection() -> None:
    for state, size in ((BEFORE, 65 * 1024), (State.AUTHENTICATED, 10**19)):
        server = Server(state)
        answer = server.say(b"a LOGIN {%d+}\r\n" % size + SMUGGLED)
        assert answer == b"* BYE The literal is too big\r\n"
        assert server.session.is_closed
        assert not server.commands


def test_before_login_a_command_has_few_literals() -> None:
    server = Server(BEFORE)
    fields = b" ".join(b"{1+}\r\n%c {1+}\r\nx" % letter for letter in b"abcdefgh")
    assert server.say(b"a ID (" + fields + b")\r\nb NOOP\r\n") == (b"a NO [LIMIT] Too many literals\r\nb OK done\r\n")
    assert server.commands == [Noop()]


def test_before_login_the_literals_of_a_command_are_small_together() -> None:
    server = Server(BEFORE)
    literal = b"{4096+}\r\n" + b"x" * 4096
    answer = server.say(b"a ID (" + b" ".join([literal] * 10) + b")\r\n")
    assert answer == b"a NO [TOOBIG] The literal is too big\r\n"


def test_a_command_of_many_lines_has_an_end() -> None:
    server = Server()
    line = b"x" * 60000
    for _ in range(8):
        assert server.say(b"{1+}\r\ny" + line if _ else b"a SEARCH " + line) == b""
    answer = server.say(b"{1+}\r\ny" + line + b" {5+}\r\nhello\r\n")
    assert answer == b"a BAD [TOOBIG] The command is too long\r\n"
    assert server.say(b"b NOOP\r\n") == b"b OK done\r\n"


def test_a_literal_has_no_nul() -> None:
    server = Server()
    assert server.say(b"a SEARCH BODY {3+}\r\nx\0y ALL\r\nb NOOP\r\n") == b"a BAD A literal has no NUL\r\nb OK done\r\n"


def test_an_unknown_command_is_refused_before_its_literal_is_sent() -> None:
    server = Server()
    assert server.say(b"a FROB {5}\r\n") == b"a BAD Unknown command\r\n"
    assert server.say(b"b FROB {10+}\r\n" + SMUGGLED + b"\r\n") == b"b BAD Unknown command\r\n"
    assert server.say(b"{10+}\r\n" + SMUGGLED + b"\r\n") == b"* BAD A command begins with a tag\r\n"
    assert not server.commands


@pytest.mark.parametrize(
    "line",
    [
        b'a SEARCH SUBJECT "x" {3}\r\n',  # one more than the grammar has
        b"a SELECT {x}\r\n",
        b"a SELECT {-5}\r\n",
        b"a SELECT {5}x\r\n",
        b"a SELECT {}\r\n",
        b"a SELECT {5++}\r\n",
        b"a SELECT ~{5}\r\n",
        b"a SELECT {0005}5\r\n",
    ],
)
def test_what_only_looks_like_a_literal_is_refused(line: bytes) -> None:
    server = Server()
    answer = server.say(line)
    if answer == b"+ Ready\r\n":
        answer = server.say(b"abcde\r\n")
    assert answer.startswith(b"a BAD ")
    assert server.say(b"b NOOP\r\n") == b"b OK done\r\n"
