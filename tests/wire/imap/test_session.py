import pytest

from pillarbox.wire.imap.command import Idle, List, Login, Logout, Noop, Select
from pillarbox.wire.imap.options import Limits, Options, State
from pillarbox.wire.imap.session import Asked, Session
from tests.wire.imap.server import Server

BEFORE = State.NOT_AUTHENTICATED


def test_commands_are_carried_out_one_after_the_other_in_any_pieces() -> None:
    server = Server()
    assert server.say(b"a1 noop\r\na2 SELECT in") == b"a1 OK done\r\n"
    assert server.say(b"box\r") == b""
    assert server.say(b"\n") == b"a2 OK done\r\n"
    assert server.commands == [Noop(), Select("INBOX", is_read_only=False)]


def test_a_command_waits_until_the_one_before_is_finished() -> None:
    session = Session(Options(), lambda: pytest.fail("no sink"))
    session.receive_data(b"a NOOP\r\nb LOGOUT\r\n")
    assert session.next_event() == Asked("a", Noop())
    assert session.next_event() is None
    session.finish()
    assert session.next_event() == Asked("b", Logout())


def test_the_state_at_the_time_of_a_command_decides_whether_it_is_allowed() -> None:
    session = Session(Options(), lambda: pytest.fail("no sink"))
    session.receive_data(b'a LOGIN u p\r\nb LIST "" *\r\n')
    assert session.next_event() == Asked("a", Login("u", "p"))
    session.state = State.AUTHENTICATED
    session.finish()
    assert session.next_event() == Asked("b", List("", ("*",)))


@pytest.mark.parametrize(
    ("state", "line"),
    [
        (BEFORE, b'LIST "" *'),
        (BEFORE, b"APPEND INBOX {5+}\r\nhello"),
        (BEFORE, b"IDLE"),
        (BEFORE, b"ENABLE IMAP4rev2"),
        (State.AUTHENTICATED, b"LOGIN u p"),
        (State.AUTHENTICATED, b"AUTHENTICATE PLAIN"),
        (State.AUTHENTICATED, b"STARTTLS"),
        (State.AUTHENTICATED, b"FETCH 1 FLAGS"),
        (State.AUTHENTICATED, b"UID SEARCH ALL"),
        (State.AUTHENTICATED, b"REPLACE 1 INBOX {5+}\r\nhello"),
        (State.AUTHENTICATED, b"CLOSE"),
        (State.SELECTED, b"LOGIN u p"),
    ],
)
def test_a_command_of_another_state_is_refused(state: State, line: bytes) -> None:
    server = Server(state)
    answer = server.say(b"a " + line + b"\r\n")
    assert answer == f"a BAD This command is not allowed in the state {state.value}\r\n".encode()
    assert server.say(b"b NOOP\r\n") == b"b OK done\r\n"
    assert server.commands == [Noop()]
    assert not server.spools


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"", b"* BAD "),
        (b"a+ NOOP", b"* BAD "),
        (b"* NOOP", b"* BAD "),
        (b"(a) NOOP", b"* BAD "),
        (b'"a" NOOP', b"* BAD "),
        (b"{5} NOOP", b"* BAD "),
        (b"\xe9 NOOP", b"* BAD "),
        (b"\0 NOOP", b"* BAD "),
        (b" NOOP", b"* BAD "),
        (b"x" * 257 + b" NOOP", b"* BAD "),
        (b"a", b"a BAD "),
        (b"a ", b"a BAD "),
        (b"a  NOOP", b"a BAD "),
        (b"a FROBNICATE", b"a BAD Unknown command"),
        (b"a UID", b"a BAD Unknown command"),
        (b"a UID NOOP", b"a BAD Unknown command"),
        (b"a X-NOOP", b"a BAD Unknown command"),
        (b"a NOOP x", b"a BAD "),
        (b"a NOOP\0", b"a BAD "),
        (b"a NOOP\t", b"a BAD "),
        (b"a NOOP\r", b"a BAD "),
    ],
)
def test_what_is_no_command_is_refused_and_the_next_is_read(line: bytes, answer: bytes) -> None:
    server = Server()
    assert server.say(line + b"\r\n").startswith(answer)
    assert server.say(b"b NOOP\r\n") == b"b OK done\r\n"


@pytest.mark.parametrize(
    "line", [b"a NOOP\n", b"a NOOP \r\n", b"a nOOp\r\n", b"]] NOOP\r\n", b"a UID STORE 1 FLAGS \\Seen  \n"]
)
def test_what_can_be_understood_is_understood(line: bytes) -> None:
    server = Server()
    assert server.say(line).endswith(b" OK done\r\n")


def test_a_command_after_done_in_the_same_packet_runs_as_ios_sends_it() -> None:
    server = Server()
    assert server.say(b"a IDLE\r\n") == b"+ go on\r\n"
    server.session.send(b"* 5 EXISTS\r\n")
    assert server.say(b"DONE\r\nb UID FETCH 5 FLAGS\r\n") == b"* 5 EXISTS\r\na OK done\r\nb OK done\r\n"
    assert server.lines == [b"DONE"]
    assert len(server.commands) == 2


def test_a_command_before_done_is_the_answer_to_idle_and_no_command() -> None:
    server = Server()
    server.say(b"a IDLE\r\nb NOOP\r\n")
    assert server.lines == [b"b NOOP"]
    assert server.commands == [Idle()]


def test_an_answer_is_any_octets_and_announces_no_literal() -> None:
    server = Server(BEFORE)
    assert server.say(b"a AUTHENTICATE PLAIN\r\nAHUAcA=={100}\r\nb NOOP\n") == b"+ go on\r\na OK done\r\nb OK done\r\n"
    assert server.lines == [b"AHUAcA=={100}"]


def test_an_answer_that_is_too_long_comes_as_an_empty_line() -> None:
    session = Session(Options(), lambda: pytest.fail("no sink"))
    session.receive_data(b"a AUTHENTICATE PLAIN\r\n" + b"x" * 40_000 + b"\r\nb NOOP\r\n")
    assert session.next_event() is not None
    session.ask_line(b"")
    line = session.next_event()
    assert [getattr(line, "data", None), getattr(line, "is_too_long", None)] == [b"", True]
    session.finish()
    assert session.next_event() == Asked("b", Noop())
    assert session.data_to_send() == b"+ \r\n"


def test_what_was_sent_before_tls_is_forgotten() -> None:
    session = Session(Options(), lambda: pytest.fail("no sink"))
    session.receive_data(b"a STARTTLS\r\nb LOGIN evil evil\r\nc LOG")
    assert session.next_event() is not None
    session.discard_input()
    session.finish()
    session.receive_data(b"d NOOP\r\n")
    assert session.next_event() == Asked("d", Noop())


def test_the_server_cannot_answer_what_was_not_asked() -> None:
    session = Session(Options(), lambda: pytest.fail("no sink"))
    with pytest.raises(ValueError, match="no command waits"):
        session.finish()
    session.receive_data(b"a NOOP\r\n")
    session.next_event()
    session.finish()
    with pytest.raises(ValueError, match="no command waits"):
        session.ask_line(b"")


def test_too_many_bad_commands_before_login_end_the_connection() -> None:
    server = Server(BEFORE)
    server.say(b"x\r\na NOOP\r\n" * 9)
    assert server.say(b"") == b""
    assert server.session.wants_data
    answer = server.say(b"y FROB\r\nb LOGIN u p\r\n")
    assert answer == b"y BAD Unknown command\r\n* BYE Too many commands that are none\r\n"
    assert server.session.is_closed
    assert server.say(b"c NOOP\r\n") == b""
    assert len(server.commands) == 9


def test_after_login_only_bad_commands_in_a_row_are_counted() -> None:
    server = Server()
    for _ in range(3):
        assert server.say(b"a FROB\r\n" * 99 + b"b NOOP\r\n").endswith(b"b OK done\r\n")
    assert server.say(b"a FROB\r\n" * 100).endswith(b"* BYE Too many commands that are none\r\n")
    assert server.session.is_closed


@pytest.mark.parametrize(
    "request_line",
    [b"GET / HTTP/1.1", b"POST /a?b=c HTTP/1.0", b"PRI * HTTP/2.0", b"OPTIONS * HTTP/1.1", b"get http://x/ http/1.1"],
)
def test_http_is_dropped_at_once(request_line: bytes) -> None:
    server = Server(BEFORE)
    answer = server.say(request_line + b"\r\nHost: mail.example.org\r\n\r\na LOGIN u p\r\n")
    assert answer == b"* BYE This is no web server\r\n"
    assert server.session.is_closed
    assert not server.commands


def test_a_tag_may_be_the_name_of_a_method() -> None:
    assert Server(BEFORE).say(b"GET NOOP\r\n") == b"GET OK done\r\n"


@pytest.mark.parametrize("state", [BEFORE, State.AUTHENTICATED])
def test_a_line_that_is_too_long_is_read_over_and_told_with_its_tag(state: State) -> None:
    server = Server(state)
    answer = server.say(b"a NOOP " + b"x" * 70000 + b"\r\nb NOOP\r\n")
    assert answer == b"a BAD [TOOBIG] The line is too long\r\nb OK done\r\n"
    assert server.say(b"(" + b"x" * 70000 + b"\r\n") == b"* BAD [TOOBIG] The line is too long\r\n"


@pytest.mark.parametrize("size", [5, 4096, 70_000_000])
def test_a_line_that_is_too_long_does_not_lose_the_literal_at_its_end(size: int) -> None:
    server = Server()
    server.say(b"a SEARCH SUBJECT " + b"x" * 70000 + b" {%d+}\r\n" % size)
    assert server.session.is_closed is False
    for _ in range(size // 1_000_000):
        assert server.say(b"z LOGOUT\r\n" * 100_000) == b""
    server.say((b"z LOGOUT\r\n" * 1000)[: size % 1_000_000])
    assert server.say(b" ALL\r\nb NOOP\r\n") == b"a BAD [TOOBIG] The line is too long\r\nb OK done\r\n"
    assert server.commands == [Noop()]


def test_arguments_of_8000_octets_are_accepted() -> None:
    numbers = b",".join(b"%d" % number for number in range(1000, 3000))
    assert len(numbers) > 8000
    assert Server().say(b"a UID FETCH " + numbers + b" FLAGS\r\n") == b"a OK done\r\n"
    name = b"x" * 8000
    assert Server().say(b"a SELECT " + name + b"\r\n") == b"a OK done\r\n"
    assert Server(BEFORE).say(b"a LOGIN u " + name + b"\r\n") == b"a OK done\r\n"


def test_reading_pauses_while_too_much_waits_behind_a_command() -> None:
    session = Session(Options(max_buffered=100), lambda: pytest.fail("no sink"))
    session.receive_data(b"a NOOP\r\n")
    assert session.next_event() is not None
    wanted = [session.wants_data]
    session.receive_data(b"b NOOP\r\n" * 20)
    wanted.append(session.wants_data)
    assert wanted == [True, False]
    session.finish()
    assert session.next_event() is not None
    session.receive_data(b"x" * 1000)
    assert session.is_closed
    assert session.data_to_send() == b"* BYE Too much was sent ahead\r\n"


def test_a_connection_that_ends_is_closed_after_the_commands_that_came() -> None:
    server = Server()
    server.session.receive_data(b"a NOOP\r\nb NO")
    server.session.receive_end()
    assert server.say(b"") == b"a OK done\r\n"
    assert server.session.is_closed


def test_the_server_can_end_the_conversation_with_a_word() -> None:
    server = Server()
    server.session.close(b"* BYE Enough\r\n")
    assert server.session.is_closed
    assert not server.session.wants_data
    assert server.say(b"a NOOP\r\n") == b"* BYE Enough\r\n"
    server.session.close(b"* BYE Again\r\n")
    assert server.session.data_to_send() == b""


def test_limits_can_be_chosen() -> None:
    tight = Limits(line=20, literal=5, command=30, literals=1, errors=2, swallowed=10)
    server = Server(BEFORE, before_login=tight)
    assert server.say(b"a LOGIN " + b"u" * 20 + b" p\r\n") == b"a BAD [TOOBIG] The line is too long\r\n"
    assert server.say(b"a LOGIN {6}\r\n").startswith(b"a NO [TOOBIG] ")


def test_a_literal_behind_a_line_that_is_too_long_is_seen_wherever_the_line_was_cut() -> None:
    tight = Limits(line=50, literal=5, command=60, literals=1, errors=100, swallowed=100)
    server = Server(after_login=tight)
    for length in range(4096 + 20, 4096 + 80):
        line = b"a NOOP " + b"x" * (length - 7) + b" {10+}\r\n"
        assert server.say(line + b"z LOGOUT\r\n" + b"\r\nb NOOP\r\n") == (
            b"a BAD [TOOBIG] The line is too long\r\nb OK done\r\n"
        ), length
    assert server.commands == [Noop()] * 60


def test_any_number_of_commands_may_come_in_one_piece() -> None:
    server = Server(max_buffered=10)
    assert server.say(b"a NOOP\r\n" * 1000) == b"a OK done\r\n" * 1000
