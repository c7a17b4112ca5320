"""A client's end of SMTP against servers that are played line by line, friendly and hostile ones."""

from collections.abc import Generator
from typing import Any, TypeVar

import pytest

from pillarbox.wire.smtp_client.command import CommandError, hello, mail, rcpt, xtext
from pillarbox.wire.smtp_client.conversation import Conversation, Dropped, Refused, Withdrawn
from pillarbox.wire.smtp_client.message import Needs, Parcel, Recipient, flaw, needs_of, stuffed

T = TypeVar("T")
DATA = b"Subject: x\r\n\r\n.dot\r\nlast\r\n"
BOB, EVE = Recipient("bob@two.test"), Recipient("eve@two.test")


def parcel(*recipients: Recipient, data: bytes = DATA, **more: Any) -> Parcel:
    return Parcel("ann@one.test", recipients or (BOB,), data, needs=needs_of(data), **more)


def play(talk: Conversation, exchange: Generator[float, None, T], *server: bytes) -> tuple[T, list[bytes]]:
    """Have the server say its lines when it is waited for; the result, and what the client sent before each."""
    said, lines = list[bytes](), iter(server)
    try:
        while True:
            next(exchange)
            pieces = []
            while data := talk.data_to_send():
                pieces.append(data)
            said.append(b"".join(pieces))
            talk.receive_data(next(lines, b""))
    except StopIteration as end:
        assert next(lines, None) is None, "the client did not wait for all that the server had to say"
        return end.value, said


def greeted(*keywords: str, is_lmtp: bool = False) -> Conversation:
    talk = Conversation("mx.one.test", is_lmtp=is_lmtp)
    offer = [b"two.test", *(word.encode() for word in keywords)]
    text = b"".join(b"250-%b\r\n" % line for line in offer[:-1]) + b"250 %b\r\n" % offer[-1]
    play(talk, talk.greet(), b"220 two.test\r\n", text)
    return talk


def codes(replies: Any) -> list[int]:
    return [reply.code for reply in replies]


def test_a_server_that_knows_no_ehlo_is_greeted_with_helo() -> None:
    talk = Conversation("mx.one.test")
    _, said = play(talk, talk.greet(), b"220-hello\r\n220 there\r\n", b"502 5.5.1 what\r\n", b"250 fine\r\n")
    assert said == [b"", b"EHLO mx.one.test\r\n", b"HELO mx.one.test\r\n"]
    assert "SIZE" not in talk.offered


@pytest.mark.parametrize("line", [b"554 5.3.2 go away\r\n", b"421 4.3.2 busy\r\n"])
def test_a_server_that_wants_nobody_is_left(line: bytes) -> None:
    talk = Conversation("mx.one.test")
    with pytest.raises(Refused) as caught:
        play(talk, talk.greet(), line)
    assert caught.value.reply.code == int(line[:3])


@pytest.mark.parametrize(
    "line",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"22\r\n",
        b"120 x\r\n",
        b"2200 x\r\n",
        b"220+x\r\n",
        b"220 " + b"x" * 5_000,
        b"220-x\r\n" * 200,
        b"",
    ],
)
def test_what_is_no_reply_ends_the_connection(line: bytes) -> None:
    talk = Conversation("mx.one.test")
    with pytest.raises(Dropped):
        play(talk, talk.greet(), line)


def test_a_server_that_floods_is_left() -> None:
    talk = Conversation("mx.one.test")
    with pytest.raises(Dropped, match="more than it was asked"):
        talk.receive_data(b"250 x\r\n" * 200_000)


def test_an_envelope_goes_at_once_where_that_is_offered() -> None:
    talk = greeted("PIPELINING", "SIZE 1000", "8BITMIME")
    replies, said = play(
        talk, talk.send(parcel(BOB, EVE)), b"250 ok\r\n250 ok\r\n550 5.1.1 who\r\n354 go\r\n", b"250 2.0.0 taken\r\n"
    )
    assert said == [
        b"MAIL FROM:<ann@one.test> SIZE=26\r\nRCPT TO:<bob@two.test>\r\nRCPT TO:<eve@two.test>\r\nDATA\r\n",
        b"Subject: x\r\n\r\n..dot\r\nlast\r\n.\r\n",
    ]
    assert codes(replies) == [250, 550]
    assert replies[1].status == "5.1.1"


def test_an_envelope_goes_line_by_line_where_it_must() -> None:
    talk = greeted("SIZE")
    replies, said = play(
        talk,
        talk.send(parcel(BOB, EVE)),
        b"250 ok\r\n",
        b"451 later\r\n",
        b"250 ok\r\n",
        b"354 go\r\n",
        b"250 taken\r\n",
    )
    assert said[0] == b"MAIL FROM:<ann@one.test> SIZE=26\r\n"
    assert said[3] == b"DATA\r\n"
    assert codes(replies) == [451, 250]


def test_a_message_goes_by_its_length_where_that_is_offered() -> None:
    talk = greeted("PIPELINING", "CHUNKING")
    replies, said = play(talk, talk.send(parcel()), b"250 ok\r\n250 ok\r\n", b"250 taken\r\n")
    assert said[1] == b"BDAT 26 LAST\r\n" + DATA
    assert codes(replies) == [250]


@pytest.mark.parametrize(
    ("keywords", "server"),
    [
        (("PIPELINING",), [b"250 ok\r\n250 ok\r\n354 go\r\n"]),
        (("PIPELINING", "CHUNKING"), [b"250 ok\r\n250 ok\r\n"]),
        ((), [b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"]),
    ],
)
def test_a_message_that_is_not_ours_any_more_is_not_given(keywords: tuple[str, ...], server: list[bytes]) -> None:
    talk = greeted(*keywords)
    with pytest.raises(Withdrawn):
        play(talk, talk.send(parcel(may_go=lambda: False)), *server, b"250 taken\r\n")
    assert talk.is_closing


def test_a_message_that_is_taken_away_half_way_has_no_end() -> None:
    talk, left = greeted("PIPELINING"), iter([True, True, False])
    exchange = talk.send(parcel(data=b"Y" * 1_000_000 + b"\r\n", may_go=lambda: next(left)))
    next(exchange)
    assert talk.data_to_send().endswith(b"DATA\r\n")
    talk.receive_data(b"250 ok\r\n250 ok\r\n354 go\r\n")
    next(exchange)
    sent = talk.data_to_send() + talk.data_to_send()
    with pytest.raises(Withdrawn):
        talk.data_to_send()
    assert set(sent) == {ord("Y")}


def test_nobody_is_left_and_the_server_waits_for_content_all_the_same() -> None:
    talk = greeted("PIPELINING")
    replies, said = play(
        talk, talk.send(parcel()), b"250 ok\r\n550 5.1.1 who\r\n354 go on\r\n", b"554 5.5.1 nobody\r\n"
    )
    assert said[1] == b".\r\n"
    assert codes(replies) == [550]
    _, said = play(talk, talk.send(parcel()), b"250 reset\r\n", b"250 ok\r\n250 ok\r\n354 go\r\n", b"250 taken\r\n")
    assert said[0] == b"RSET\r\n"


def test_a_refused_sender_is_the_answer_for_all() -> None:
    talk = greeted("PIPELINING")
    replies, _ = play(
        talk, talk.send(parcel(BOB, EVE)), b"550 5.7.1 no\r\n503 first MAIL\r\n503 first MAIL\r\n503 no\r\n"
    )
    assert [str(reply) for reply in replies] == ["550 5.7.1 no"] * 2


def test_a_server_that_takes_no_data_has_taken_nothing() -> None:
    talk = greeted("PIPELINING")
    replies, _ = play(talk, talk.send(parcel(BOB, EVE)), b"250 a\r\n250 b\r\n550 no\r\n452 4.3.1 full\r\n")
    assert codes(replies) == [452, 550]


def test_a_server_that_answers_data_with_success_before_the_data_is_not_believed() -> None:
    talk = greeted("PIPELINING")
    with pytest.raises(Dropped):
        play(talk, talk.send(parcel()), b"250 a\r\n250 b\r\n250 taken\r\n")


@pytest.mark.parametrize("cut", range(4))
def test_no_reply_is_made_up_when_the_connection_breaks(cut: int) -> None:
    lines = [b"250 a\r\n", b"250 b\r\n", b"354 go\r\n", b"25"]
    talk = greeted()
    with pytest.raises(Dropped):
        play(talk, talk.send(parcel()), *lines[: cut + 1], b"")


def test_several_messages_go_over_one_connection() -> None:
    talk = greeted("PIPELINING", "LIMITS RCPTMAX=10 MAILMAX=2")
    for count in (1, 2):
        play(talk, talk.send(parcel()), b"250 a\r\n250 b\r\n354 go\r\n", b"250 taken\r\n")
        assert talk.messages == count
    assert (talk.offered.limit("RCPTMAX"), talk.offered.limit("MAILMAX"), talk.offered.limit("X")) == (10, 2, None)


def test_lmtp_answers_for_each_recipient() -> None:
    talk = Conversation("mx.one.test", is_lmtp=True)
    _, said = play(talk, talk.greet(), b"220 x\r\n", b"250-x\r\n250 PIPELINING\r\n")
    assert said[1] == b"LHLO mx.one.test\r\n"
    replies, _ = play(
        talk,
        talk.send(parcel(BOB, EVE, Recipient("f@two.test"))),
        b"250 a\r\n250 b\r\n550 no\r\n250 c\r\n354 go\r\n",
        b"250 done\r\n",
        b"452 4.2.2 full\r\n",
    )
    assert codes(replies) == [250, 550, 452]


def test_lmtp_that_breaks_half_way_has_taken_what_it_has_answered() -> None:
    talk = greeted("PIPELINING", is_lmtp=True)
    replies, _ = play(talk, talk.send(parcel(BOB, EVE)), b"250 a\r\n250 b\r\n250 c\r\n354 go\r\n", b"250 done\r\n", b"")
    assert codes(replies) == [250, 421]
    assert talk.is_closing


def test_starttls_forgets_what_was_offered_and_believes_nothing_that_came_before_it() -> None:
    talk = greeted("STARTTLS", "AUTH PLAIN")
    play(talk, talk.start_tls(), b"220 go\r\n")
    assert not talk.offered.mechanisms
    talk = greeted("STARTTLS")
    with pytest.raises(Dropped):
        play(talk, talk.start_tls(), b"220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n")


@pytest.mark.parametrize(
    ("offered", "data", "more", "code", "status"),
    [
        ((), b"Subject: x\r\n\r\n\xc3\xa4\r\n", {}, 554, "5.6.3"),
        (("8BITMIME",), b"Subject: \xc3\xa4\r\n\r\nx\r\n", {}, 554, "5.6.9"),
        (("SIZE 10",), DATA, {}, 552, "5.3.4"),
        (("8BITMIME",), DATA, {"require_tls": True}, 554, "5.7.30"),
    ],
)
def test_what_a_server_cannot_take_is_not_offered_to_it(
    offered: tuple[str, ...], data: bytes, more: dict[str, Any], code: int, status: str
) -> None:
    talk = greeted("PIPELINING", *offered)
    replies, said = play(talk, talk.send(parcel(BOB, EVE, data=data, **more)))
    assert said == []
    assert [(reply.code, reply.status) for reply in replies] == [(code, status)] * 2


def test_an_address_that_is_not_ascii_needs_smtputf8() -> None:
    talk = greeted("8BITMIME")
    replies, _ = play(talk, talk.send(parcel(Recipient("bücher@two.test"))))
    assert replies[0].status == "5.6.7"
    line = mail(parcel(Recipient("bücher@two.test")), greeted("SMTPUTF8", "8BITMIME").offered)
    assert line == b"MAIL FROM:<ann@one.test> SMTPUTF8\r\n"


def test_parameters_go_to_those_who_offer_them() -> None:
    asked = Parcel(
        "ann@one.test",
        (BOB,),
        b"a: \xc3\xa4\r\n\r\n",
        ret="HDRS",
        envelope_id="trip 7+",
        priority=-12,
        deliver_by="120;R",
        require_tls=True,
        needs=Needs(eight_bits=True, utf8_header=True),
    )
    all_of_it = greeted("SIZE", "8BITMIME", "SMTPUTF8", "DSN", "MT-PRIORITY", "DELIVERBY", "REQUIRETLS").offered
    assert mail(asked, all_of_it) == (
        b"MAIL FROM:<ann@one.test> SIZE=9 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=trip+207+2B REQUIRETLS"
        b" MT-PRIORITY=-9 BY=120;R\r\n"
    )
    to = Recipient("bob@two.test", "SUCCESS,FAILURE", "rfc822;b+b@x")
    assert rcpt(to, all_of_it) == b"RCPT TO:<bob@two.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Bb@x\r\n"
    assert rcpt(to, greeted("SIZE").offered) == b"RCPT TO:<bob@two.test>\r\n"


@pytest.mark.parametrize(
    "address",
    [
        "a@b>\r\nRCPT TO:<c@d",
        "a@b> NOTIFY=NEVER",
        "a@b\nDATA",
        "a@b\x00",
        "<a@b",
        '"a\r\n"@b',
        "a\\@b",
        "a b@c",
        "a" * 1000,
        "\ud800@b",
    ],
)
def test_an_address_cannot_be_a_command(address: str) -> None:
    offered = greeted("SMTPUTF8", "DSN").offered
    with pytest.raises(CommandError):
        rcpt(Recipient(address), offered)
    with pytest.raises(CommandError):
        mail(Parcel(address, (BOB,), DATA), offered)


def test_a_quoted_local_part_may_have_what_would_close_a_path() -> None:
    assert rcpt(Recipient('"a> b"@c'), greeted("SIZE").offered) == b'RCPT TO:<"a> b"@c>\r\n'


def test_nothing_else_can_be_a_command() -> None:
    offered = greeted("DSN", "DELIVERBY").offered
    for wrong in (
        lambda: hello("EHLO", "a\r\nQUIT"),
        lambda: mail(parcel(ret="HDRS\r\nRSET"), offered),
        lambda: mail(parcel(deliver_by="1;R\r\nRSET"), offered),
        lambda: rcpt(Recipient("a@b", notify="NEVER\nX"), offered),
        lambda: xtext("ä"),
    ):
        with pytest.raises(CommandError):
            wrong()
    assert xtext("a\r\nQUIT") == "a+0D+0AQUIT"


@pytest.mark.parametrize(
    "data", [b"a\nb", b"a\rb", b"\r", b"\n", b"a\r\r\n", b"\r\n.\n", b"a\n\r\n", b"x\0y", b"\n.\r\n"]
)
def test_a_message_with_a_bare_line_end_or_nul_is_given_to_nobody(data: bytes) -> None:
    found = flaw(b"Subject: x\r\n\r\n" + data)
    assert found is not None
    assert found.status == "5.6.0"
    assert found.is_permanent


@pytest.mark.parametrize("data", [b"", b"x", b"x\r\n", b".", b".\r\n.\r\n", b"..x\r\n\r\n.\r\n", b"\r\n" * 5])
@pytest.mark.parametrize("size", [1, 2, 3, 1 << 18])
def test_dots_are_doubled_however_the_message_is_cut(data: bytes, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pillarbox.wire.smtp_client.message._PIECE", size)
    assert flaw(data) is None
    sent = b"".join(stuffed(data))
    assert sent.endswith(b".\r\n")
    assert b"\r\n" + sent[:-3] == b"" or (b"\r\n" + sent).count(b"\r\n.\r\n") == 1
    whole = data if data.endswith(b"\r\n") or not data else data + b"\r\n"
    lines = sent[:-3].split(b"\r\n")
    assert b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines) == whole
