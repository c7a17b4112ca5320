from typing import Any

import pytest

from pillarbox.wire.smtp.parameter import Body, MailParameters
from pillarbox.wire.smtp.reply import OK, SHUTTING_DOWN, Reply, reply_to_bytes
from pillarbox.wire.smtp.session import Session
from pillarbox.wire.smtp.state import Options, Sender
from tests.wire.smtp.server import Server, Spool, spoken

ENVELOPE = ("LHLO client", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.org>")
ENDINGS = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r\n.\r",
    b"\r.\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\r.\n",
    b"\n.\r",
]
SMUGGLED = b"MAIL FROM:<x@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nhi"


def opened(*lines: str, **options: Any) -> Server:
    server = Server(**options)
    spoken(server, *(lines or ENVELOPE))
    return server


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_smuggled_message_is_never_a_second_one(ending: bytes) -> None:
    server = opened(*ENVELOPE, "DATA")
    answer = server.say(b"Subject: one\r\n\r\nhi" + ending + SMUGGLED + b"\r\n.\r\n")
    assert answer.count(b"\r\n") == 1
    if b"\0" not in ending:
        assert answer.startswith(b"554 5.6.0 ")
        assert server.messages == []
    else:
        assert len(server.messages) == 1


@pytest.mark.parametrize("ending", ENDINGS)
def test_bare_newlines_are_content_if_the_listener_keeps_them(ending: bytes) -> None:
    server = opened(*ENVELOPE, "DATA", keep_bare_newlines=True)
    text = b"Subject: one\r\n\r\nhi" + ending + SMUGGLED + b"\r\n"
    assert server.say(text + b".\r\n").startswith(b"250 ")
    assert [content for _, content in server.messages] == [text.replace(b"\r\n.", b"\r\n")]


def test_the_server_is_told_everything_about_a_message() -> None:
    server = opened("LHLO me", "MAIL FROM:<> BODY=8BITMIME SMTPUTF8 SIZE=9", "RCPT TO:<b@example.org>", "DATA")
    server.say(b"..hi\r\n.\r\n")
    message, content = server.messages[0]
    assert content == b".hi\r\n"
    assert (message.sender, [str(to) for to in message.recipients]) == (None, ["b@example.org"])
    assert message.parameters == MailParameters(9, Body.EIGHT_BIT, smtputf8=True)
    assert (message.size, message.peer_name) == (5, "me")


def test_smtp_gives_one_reply_for_all_recipients() -> None:
    server = opened("EHLO client", *ENVELOPE[1:], "RCPT TO:<c@example.org>", "DATA", lmtp=False)
    assert server.say(b"x\r\n.\r\n") == b"250 2.6.0 Message accepted\r\n"
    assert spoken(server, "LHLO client") == b"500 5.5.1 Unknown command\r\n"
    assert spoken(server, "HELO client") == b"250 mx.example.org\r\n"


@pytest.mark.parametrize("way", ["RSET", "LHLO again", "QUIT"])
def test_what_ends_a_transaction_discards_its_octets(way: str) -> None:
    server = opened(*ENVELOPE)
    server.say(b"BDAT 3\r\nabc")
    spoken(server, way)
    assert [spool.is_discarded for spool in server.spools] == [True]
    if way != "QUIT":
        assert spoken(server, "DATA").startswith(b"503 ")


def test_a_connection_that_breaks_in_the_middle_of_a_message_leaves_nothing() -> None:
    server = opened(*ENVELOPE, "DATA")
    server.say(b"half a mess")
    server.session.receive_end()
    assert server.session.next_event() is None
    assert server.session.is_closed
    assert server.spools[0].is_discarded
    assert server.messages == []


def test_a_message_that_was_handed_over_is_never_discarded() -> None:
    server = opened(*ENVELOPE, "DATA")
    server.say(b"x\r\n.\r\nRSET\r\nQUIT\r\n")
    assert not server.spools[0].is_discarded


def test_a_message_that_is_too_big_is_not_kept_while_it_is_swallowed() -> None:
    server = opened(*ENVELOPE, "DATA", max_size=100)
    for _ in range(50):
        assert server.say(b"x" * 70 + b"\r\n") == b""
    assert server.spools[0].is_discarded
    assert server.say(b".\r\n") == b"552 5.3.4 Message is larger than this server accepts\r\n"
    assert spoken(server, *ENVELOPE[1:]).startswith(b"250 ")


def test_long_text_lines_are_refused_only_where_a_limit_is_set() -> None:
    for limit, code in ((0, b"250"), (1000, b"554")):
        server = opened(*ENVELOPE, "DATA", max_text_line=limit)
        assert server.say(b"x" * 999 + b"\r\n.\r\n").startswith(code)
    server = opened(*ENVELOPE, "DATA", max_text_line=1000)
    assert server.say(b"x" * 998 + b"\r\n.\r\n").startswith(b"250")


def test_the_machine_waits_for_an_answer_and_asks_to_pause() -> None:
    session = Session(Options(hostname="mx", lmtp=True, max_buffered=100), lambda: pytest.fail("no content yet"))
    session.receive_data(b"LHLO c\r\nMAIL FROM:<a@b>\r\nNOOP\r\n")
    assert isinstance(session.next_event(), Sender)
    assert session.next_event() is None
    assert not session.wants_data
    session.data_to_send()
    session.answer(OK)
    with pytest.raises(ValueError, match="no event waits"):
        session.answer(OK)
    assert session.next_event() is None
    assert session.data_to_send() == b"250 2.0.0 OK\r\n" * 2
    assert session.wants_data


def test_a_peer_that_sends_on_without_waiting_is_stopped() -> None:
    session = Session(Options(hostname="mx", lmtp=True, max_buffered=100), lambda: pytest.fail("no content yet"))
    session.receive_data(b"LHLO c\r\nMAIL FROM:<a@b>\r\n")
    session.next_event()
    session.data_to_send()
    session.receive_data(b"x" * 101)
    assert session.is_closed
    assert session.data_to_send().startswith(b"421 4.5.0 ")


def test_the_server_can_end_the_conversation() -> None:
    server = opened(*ENVELOPE, "DATA")
    server.say(b"half")
    server.session.close(SHUTTING_DOWN)
    assert server.session.data_to_send().startswith(b"421 4.3.2 ")
    assert server.spools[0].is_discarded
    assert server.say(b"\r\n.\r\n") == b""


def test_the_wrong_number_of_replies_is_a_mistake_that_shows() -> None:
    session = Session(Options(hostname="mx", lmtp=True), Spool)
    session.receive_data(b"LHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\n")
    for _ in range(2):
        session.next_event()
        session.answer(OK)
    session.next_event()
    session.answer([OK, OK])
    with pytest.raises(ValueError, match="1 replies are due, 2 were given"):
        session.next_event()


def test_a_reply_of_several_lines_carries_its_codes_on_each() -> None:
    assert reply_to_bytes(Reply(550, "5.1.1", "one\ntwo\r\nthr\x00ee")) == (
        b"550-5.1.1 one\r\n550-5.1.1 two\r\n550 5.1.1 thr ee\r\n"
    )
    assert reply_to_bytes(Reply(354, "", "")) == b"354 \r\n"
    assert len(reply_to_bytes(Reply(550, "5.1.1", "x" * 5000))) <= 512


def test_a_declared_size_is_a_promise_that_is_checked_early() -> None:
    server = opened("LHLO c", max_size=10)
    assert spoken(server, "MAIL FROM:<a@b> SIZE=11").startswith(b"552 5.3.4 ")
    assert spoken(server, "MAIL FROM:<a@b> SIZE=10").startswith(b"250 ")


def test_a_mail_in_the_body_of_a_web_request_is_not_taken() -> None:
    server = Server()
    server.say(b"")
    body = b"LHLO x\r\n" + SMUGGLED + b"\r\n.\r\n"
    answer = server.say(b"POST / HTTP/1.1\r\nHost: mail.example.org\r\n\r\n" + body)
    assert answer.startswith(b"421 4.7.0 ")
    assert answer.count(b"\r\n") == 1
    assert server.session.is_closed
    assert server.messages == []
