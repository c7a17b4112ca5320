import msgspec
import pytest

from pillarbox.wire.pop3 import command as c
from pillarbox.wire.pop3 import reply
from pillarbox.wire.pop3.options import Limits, Options, State
from pillarbox.wire.pop3.session import Asked, Session
from tests.wire.pop3.server import Server

TIGHT = Limits(line=40, buffered=100, errors=3)


def tight(state: State) -> Server:
    return Server(state, Options(before_login=TIGHT, after_login=TIGHT))


def test_pipelined_commands_are_carried_out_one_after_another() -> None:
    session = Session()
    session.state = State.TRANSACTION
    session.receive_data(b"STAT\r\nDELE 1\r\nRETR 2\r\n")
    assert session.next_event() == Asked(c.Stat())
    assert session.next_event() is None  # the first is not done yet
    session.send(reply.ok("1 10"))
    session.finish()
    assert session.next_event() == Asked(c.Dele(1))
    session.finish()
    assert session.next_event() == Asked(c.Retr(2))
    session.finish()
    assert session.next_event() is None
    assert session.data_to_send() == b"+OK 1 10\r\n"
    assert session.data_to_send() == b""


def test_what_is_pipelined_behind_a_login_is_read_in_the_new_state() -> None:
    server = Server(State.AUTHORIZATION)
    server.say(b"USER a\r\nPASS b\r\nSTAT\r\nUSER a\r\n")
    assert server.commands == [c.User("a"), c.Pass("b"), c.Stat()]


def test_a_command_can_ask_for_a_line_more() -> None:
    server = Server(State.AUTHORIZATION)
    assert server.say(b"AUTH PLAIN\r\n") == b"+ go on\r\n"
    assert server.say(b"QUIT\r\n") == b"+OK done\r\n"
    assert server.lines == [b"QUIT"]
    assert server.commands == [c.Auth("PLAIN", None)]


def test_a_response_that_is_too_long_comes_as_an_empty_line() -> None:
    server = tight(State.AUTHORIZATION)
    server.say(b"AUTH PLAIN\r\n")
    assert server.say(b"x" * 1_000 + b"\r\n") == b"+OK done\r\n"
    assert server.lines == [b""]


def test_a_line_feed_alone_ends_a_line() -> None:
    server = Server()
    server.say(b"STAT\nNOOP\n")
    assert server.commands == [c.Stat(), c.Noop()]


@pytest.mark.parametrize("state", State)
def test_a_line_that_is_too_long_is_refused_and_the_next_is_read(state: State) -> None:
    server = tight(state)
    assert server.say(b"x" * 100_000) == b""
    assert len(server.session._reader) <= TIGHT.line
    assert server.say(b"\r\nNOOP\r\n") == b"-ERR The line is too long\r\n+OK done\r\n"


def test_a_client_that_makes_many_mistakes_is_sent_away() -> None:
    server = tight(State.AUTHORIZATION)
    assert server.say(b"X\r\nNOOP\r\nX\r\nNOOP\r\nX\r\nNOOP\r\n").endswith(b"-ERR Too many mistakes\r\n")
    assert server.session.is_closed
    assert server.commands == [c.Noop(), c.Noop()]


def test_a_refused_password_counts_as_a_mistake() -> None:
    session = Session(Options(before_login=TIGHT))
    for _ in range(3):
        session.receive_data(b"PASS guess\r\n")
        assert session.next_event() == Asked(c.Pass("guess"))
        session.refuse(reply.err("wrong", "AUTH"))
        session.finish()
        session.next_event()
    assert session.is_closed
    assert session.data_to_send().endswith(b"-ERR [AUTH] wrong\r\n-ERR Too many mistakes\r\n")


def test_after_login_only_mistakes_in_a_row_count() -> None:
    server = tight(State.TRANSACTION)
    for _ in range(10):
        server.say(b"X\r\nX\r\nNOOP\r\n")
    assert not server.session.is_closed
    server.say(b"X\r\nX\r\nX\r\n")
    assert server.session.is_closed


@pytest.mark.parametrize(
    "line",
    [
        b"GET / HTTP/1.1\r\n",
        b"POST /x HTTP/1.0\r\n",
        b"PRI * HTTP/2.0\r\n",
        b"get / http/1.1\n",
        b"CONNECT a:1 HTTP/1.1\r\n",
    ],
)
def test_a_web_browser_is_hung_up_on_before_its_body_is_read(line: bytes) -> None:
    server = Server(State.AUTHORIZATION)
    assert server.say(line + b"USER alice\r\nPASS secret\r\n") == b"-ERR This is no web server\r\n"
    assert server.session.is_closed
    assert server.commands == []


def test_what_was_sent_before_tls_is_forgotten() -> None:
    session = Session()
    session.receive_data(b"STLS\r\nUSER mallory\r\nPA")
    assert session.next_event() == Asked(c.Stls())
    session.send(reply.ok())
    session.discard_input()
    session.finish()
    assert session.next_event() is None
    session.receive_data(b"CAPA\r\n")
    assert session.next_event() == Asked(c.Capa())


def test_reading_pauses_while_too_much_waits_behind_a_command() -> None:
    session = Session(Options(before_login=TIGHT))
    session.receive_data(b"NOOP\r\n" + b"x" * TIGHT.buffered)
    seen = [session.wants_data]
    session.next_event()
    seen.append(session.wants_data)
    session.receive_data(b"x")
    seen.append(session.wants_data)
    session.finish()
    session.next_event()
    assert [*seen, session.wants_data] == [True, True, False, True]


def test_a_server_that_reads_on_all_the_same_is_protected() -> None:
    session = Session()
    session.receive_data(b"NOOP\r\n")
    session.next_event()
    for _ in range(64):
        session.receive_data(b"NOOP\r\n" * 10_000)
    assert session.is_closed
    assert len(session._reader) == 0


def test_the_end_of_input_ends_the_conversation_without_the_unfinished_line() -> None:
    session = Session()
    session.receive_data(b"NOOP\r\nQUIT")
    session.receive_end()
    assert session.next_event() == Asked(c.Noop())
    session.finish()
    assert session.next_event() is None
    assert session.is_closed


def test_a_closed_conversation_takes_nothing_more() -> None:
    session = Session()
    session.close(reply.err("bye"))
    session.receive_data(b"NOOP\r\n")
    assert session.next_event() is None
    session.close(reply.err("again"))
    assert session.data_to_send() == b"-ERR bye\r\n"


def test_a_reply_needs_a_command() -> None:
    session = Session()
    with pytest.raises(ValueError, match="no command"):
        session.finish()


def test_limits_have_room_for_the_longest_token_and_after_login_for_a_command() -> None:
    options = Options()
    assert options.before_login.line > 12_288 * 4 / 3
    assert options.after_login.line == 255  # RFC 2449 §4
    assert msgspec.structs.asdict(options.after_login)["errors"] > options.before_login.errors
