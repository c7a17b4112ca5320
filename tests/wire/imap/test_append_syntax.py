from datetime import datetime, timedelta, timezone

import pytest

from pillarbox.wire.imap.command import Noop
from pillarbox.wire.imap.message_command import Append, Replace, Url
from pillarbox.wire.imap.options import State
from pillarbox.wire.imap.sequence_set import STAR
from tests.wire.imap.server import Server, appended

MAIL = b"Subject: hi\r\n\r\nhello\r\n"


def test_a_message_goes_to_a_sink_as_it_comes() -> None:
    server = Server(State.AUTHENTICATED)
    answer = server.say(b'a APPEND Sent (\\Seen $Forwarded) "17-Jul-1996 02:44:25 -0730" {22}\r\n')
    assert answer == b"+ Ready\r\n"
    assert server.say(MAIL[:5]) == b""
    assert server.spools[0].octets == MAIL[:5]
    assert server.say(MAIL[5:]) == b""
    assert server.say(b"\r\n") == b"a OK done\r\n"
    command = server.commands[0]
    assert isinstance(command, Append)
    assert command.mailbox == "Sent"
    message = command.messages[0]
    assert message.flags == ("\\Seen", "$Forwarded")
    zone = timezone(-timedelta(hours=7, minutes=30))
    assert message.date == datetime(1996, 7, 17, 2, 44, 25, tzinfo=zone)
    assert message.parts == (server.spools[0],)
    assert not server.spools[0].is_discarded
    assert not message.is_utf8


def test_the_mailbox_may_be_a_literal_and_the_rest_pushed() -> None:
    server = Server(State.AUTHENTICATED)
    assert (
        server.say(b"a APPEND {5+}\r\ninbox () {22+}\r\n" + MAIL + b"\r\nb NOOP\r\n") == b"a OK done\r\nb OK done\r\n"
    )
    command = server.commands[0]
    assert isinstance(command, Append)
    assert command.mailbox == "INBOX"
    assert command.messages[0].flags == ()
    assert appended(command) == [[MAIL]]


def test_several_messages_are_one_command() -> None:
    server = Server(State.AUTHENTICATED)
    assert server.say(b"a APPEND Sent (\\Seen) {3}\r\n") == b"+ Ready\r\n"
    assert server.say(b'one " 7-Feb-1994 21:52:25 +0000" {3}\r\n') == b"+ Ready\r\n"
    assert server.say(b"two {5+}\r\nthree\r\n") == b"a OK done\r\n"
    assert appended(server.commands[0]) == [[b"one"], [b"two"], [b"three"]]


def test_catenate_joins_texts_and_urls() -> None:
    server = Server(State.AUTHENTICATED)
    answer = server.say(b'a APPEND Drafts CATENATE (URL "/INBOX;UIDVALIDITY=1/;UID=2" TEXT {3+}\r\nabc TEXT {0+}\r\n')
    assert answer == b""
    assert server.say(b" url {4+}\r\n/x/y url /z text {1}\r\n") == b"+ Ready\r\n"
    assert server.say(b"d) {3+}\r\nend\r\n") == b"a OK done\r\n"
    assert appended(server.commands[0]) == [
        [Url("/INBOX;UIDVALIDITY=1/;UID=2"), b"abc", b"", Url("/x/y"), Url("/z"), b"d"],
        [b"end"],
    ]


def test_a_message_in_utf8_and_a_binary_one_may_have_any_octets() -> None:
    server = Server(State.AUTHENTICATED)
    server.say(b"a APPEND INBOX UTF8 (~{4+}\r\n\xc3\xa9\0\n) ~{2+}\r\n\0\0\r\n")
    command = server.commands[0]
    assert appended(command) == [[b"\xc3\xa9\0\n"], [b"\0\0"]]
    assert isinstance(command, Append)
    assert [message.is_utf8 for message in command.messages] == [True, False]


def test_a_part_of_catenate_may_be_utf8() -> None:
    server = Server(State.AUTHENTICATED)
    server.say(b"a APPEND INBOX CATENATE (TEXT {1+}\r\na UTF8 (~{2+}\r\n\xc3\xa9))\r\n")
    command = server.commands[0]
    assert appended(command) == [[b"a", b"\xc3\xa9"]]
    assert isinstance(command, Append)
    assert command.messages[0].is_utf8


def test_catenate_has_only_so_many_parts() -> None:
    server = Server(State.AUTHENTICATED, max_messages=3)
    urls = b" ".join([b"URL /a"] * 4)
    assert server.say(b"a APPEND INBOX CATENATE (" + urls + b")\r\n") == b"a NO [LIMIT] Too many parts\r\n"


def test_replace_has_one_message() -> None:
    server = Server()
    assert server.say(b"a REPLACE 4 Drafts (\\Draft) {3+}\r\nnew\r\n") == b"a OK done\r\n"
    assert server.say(b"b UID REPLACE * Drafts {3+}\r\nnew\r\n") == b"b OK done\r\n"
    first, second = server.commands
    assert isinstance(first, Replace)
    assert isinstance(second, Replace)
    assert (first.number, first.mailbox, first.is_uid, first.message.flags) == (4, "Drafts", False, ("\\Draft",))
    assert (second.number, second.is_uid) == (STAR, True)
    assert server.say(b"c REPLACE 4 Drafts {3+}\r\nnew {3+}\r\nnew\r\n").startswith(b"c BAD ")
    assert [spool.is_discarded for spool in server.spools] == [False, False, True]


@pytest.mark.parametrize("pushed", [b"", b"+"])
def test_a_message_that_is_too_big_is_refused_before_it_is_sent(pushed: bytes) -> None:
    server = Server(State.AUTHENTICATED, max_message=21)
    answer = server.say(b"a APPEND INBOX {22%b}\r\n" % pushed)
    if pushed:
        assert answer == b""
        answer = server.say(b"x LOGOUT\r\nx LOGOUT\r\nxx\r\n")
    assert answer == b"a NO [TOOBIG] The message is too big\r\n"
    assert server.say(b"b NOOP\r\n") == b"b OK done\r\n"
    assert server.commands == [Noop()]
    assert not server.spools


def test_all_messages_of_a_command_have_a_limit_too() -> None:
    server = Server(State.AUTHENTICATED, max_message=10, max_append=15)
    answer = server.say(b"a APPEND INBOX {8+}\r\n12345678 {8}\r\n")
    assert answer == b"a NO [TOOBIG] The message is too big\r\n"
    assert [spool.is_discarded for spool in server.spools] == [True]


def test_a_command_has_only_so_many_messages() -> None:
    server = Server(State.AUTHENTICATED, max_messages=2)
    assert (
        server.say(b"a APPEND INBOX {1+}\r\n1 {1+}\r\n2 {1}\r\n")
        == b"a NO [LIMIT] Too many messages in one command\r\n"
    )
    assert [spool.is_discarded for spool in server.spools] == [True, True]


def test_nul_in_a_literal_that_is_not_binary_is_refused_after_it_came() -> None:
    server = Server(State.AUTHENTICATED)
    assert server.say(b"a APPEND INBOX {5+}\r\nab\0") == b""
    answer = server.say(b"cd\r\nb NOOP\r\n")
    assert answer.startswith(b"a NO The message has NUL octets")
    assert answer.endswith(b"\r\nb OK done\r\n")
    assert server.spools[0].is_discarded
    assert server.commands == [Noop()]


def test_an_empty_message_cancels_all_of_them() -> None:
    server = Server(State.AUTHENTICATED)
    answer = server.say(b"a APPEND INBOX {3+}\r\nabc {0}\r\n")
    assert answer == b"+ Ready\r\n"
    assert server.say(b"\r\n") == b"a NO An empty message is not appended\r\n"
    assert all(spool.is_discarded for spool in server.spools)
    assert not server.commands


@pytest.mark.parametrize(
    "line",
    [
        b"a APPEND INBOX (\\Seen {5}",
        b'a APPEND INBOX "32-Jul-1996 02:44:25 -0700" {5}',
        b'a APPEND INBOX "31-Dec-9999 23:59:59 -0100" {5}',  # in UTC these years have no four digits
        b'a APPEND INBOX "01-Jan-0001 00:00:00 +1400" {5}',
        b'a APPEND INBOX "17-Jul-1996" {5}',
        b'a APPEND INBOX "17-Jul-1996 02:44:25 -0700" (\\Seen) {5}',
        b"a APPEND INBOX text {5}",
        b"a APPEND INBOX UTF8 ({5}",
        b"a APPEND INBOX CATENATE ({5}",
        b"a APPEND INBOX CATENATE (TEXT ~x {5}",
        b"a APPEND INBOX {5} {5}",
        b"a APPEND {5}",
        b"a APPEND INBOX",
        b"a APPEND INBOX ()",
        b"a APPEND INBOX CATENATE ()",
        b'a APPEND INBOX "text"',
        b"a APPEND",
        b"a REPLACE 0 INBOX {5}",
        b"a REPLACE 1:2 INBOX {5}",
    ],
)
def test_a_mistake_before_the_message_is_told_before_it_is_sent(line: bytes) -> None:
    server = Server()
    answer = server.say(line + b"\r\n")
    if answer == b"+ Ready\r\n":  # the name of the mailbox, which is all that may be a literal here
        answer = server.say(b"INBOX\r\n")
    assert answer.startswith(b"a BAD ")
    assert server.say(b"b NOOP\r\n") == b"b OK done\r\n"
    assert not server.spools


@pytest.mark.parametrize("line", [b"a APPEND {5+}", b"a APPEND INBOX CATENATE (URL ~{5+}", b"a APPEND ~{5+}"])
def test_a_literal_that_is_no_message_is_no_binary_one(line: bytes) -> None:
    server = Server()
    assert server.say(line + b"\r\nINBOX\r\nb NOOP\r\n").startswith(b"a BAD ")
    assert server.commands == [Noop()]


def test_a_connection_that_ends_within_a_message_leaves_nothing() -> None:
    server = Server(State.AUTHENTICATED)
    server.say(b"a APPEND INBOX {3+}\r\nabc {500+}\r\nhalf a mess")
    server.session.receive_end()
    assert server.say(b"") == b""
    assert server.session.is_closed
    assert [spool.is_discarded for spool in server.spools] == [True, True]


def test_a_connection_that_the_server_closes_within_a_message_leaves_nothing() -> None:
    server = Server(State.AUTHENTICATED)
    server.say(b"a APPEND INBOX {500}\r\nhalf a mess")
    server.session.close(b"* BYE Too slow\r\n")
    assert server.spools[0].is_discarded
    assert server.session.data_to_send() == b"* BYE Too slow\r\n"


def test_what_follows_a_message_must_belong_to_the_command() -> None:
    server = Server(State.AUTHENTICATED)
    assert server.say(b"a APPEND INBOX {3+}\r\nabcx LOGOUT\r\nb NOOP\r\n").startswith(b"a BAD ")
    assert server.spools[0].is_discarded
    assert server.commands == [Noop()]
