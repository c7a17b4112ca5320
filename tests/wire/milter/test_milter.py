from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

import pytest

from pillarbox.wire.milter.answer import (
    AddField,
    AddRecipient,
    ChangeField,
    ChangeSender,
    Decision,
    Quarantine,
    RemoveRecipient,
    Way,
)
from pillarbox.wire.milter.conversation import Conversation, Outcome
from pillarbox.wire.milter.option import Action, Wish
from pillarbox.wire.milter.packet import MilterError, Packet, packet_to_bytes, read_packet, strings
from pillarbox.wire.reader import EndOfInput, Reader

T = TypeVar("T")
_FIELDS = [(b"From", b" Ann <ann@example.org>"), (b"Subject", b" one\r\n two")]
# What a filter answers to a packet, by its letter.
Answers = Callable[[Packet], bytes]


def _packets(octets: bytes) -> list[Packet]:
    reader, out = Reader(), []
    reader.feed(octets)
    while len(reader):
        reading = read_packet(reader)
        with pytest.raises(StopIteration) as ended:
            next(reading)
        out.append(ended.value.value)
    return out


class Filter:
    """A filter whose answers are written down; it remembers what it was told."""

    def __init__(self, actions: int = sum(Action), wishes: int = 0, version: int = 6, macros: bytes = b"") -> None:
        self.talk = Conversation(max_body=1_000)
        self.told: list[Packet] = []
        self._offer = packet_to_bytes(b"O", b"".join(n.to_bytes(4, "big") for n in (version, actions, wishes)) + macros)
        self.answers: dict[bytes, bytes] = {}
        self.run(self.talk.negotiate())

    def run(self, exchange: Generator[None, Any, T]) -> T:
        while True:
            try:
                next(exchange)
            except StopIteration as end:
                self.told += _packets(self.talk.data_to_send())
                result: T = end.value
                return result
            for packet in _packets(self.talk.data_to_send()):
                self.told.append(packet)
                if answer := self._answer(packet):
                    self.talk.receive_data(answer)

    def _answer(self, packet: Packet) -> bytes:
        if packet.command == b"O":
            return self._offer
        if packet.command in (b"D", b"A", b"Q"):
            return b""
        return self.answers.get(packet.command, packet_to_bytes(b"c"))

    def heard(self) -> list[tuple[str, bytes]]:
        """What it was told since the offer, by letter."""
        return [(packet.command.decode(), packet.data) for packet in self.told if packet.command != b"O"]


def _end(filter: Filter, *answers: bytes) -> Outcome:
    filter.answers[b"E"] = b"".join(answers)
    return filter.run(filter.talk.message(_FIELDS, [b"hello\r\n"], {}))


def test_a_whole_session_is_told_as_filters_expect_it() -> None:
    filter = Filter()
    talk = filter.talk
    assert filter.run(talk.connect("mx.example.org", "192.0.2.1", 2525, {"j": "here"})).way is Way.CONTINUE
    filter.run(talk.hello("mx.example.org", {}))
    filter.run(talk.sender("<ann@example.org>", ["SIZE=10"], {"mail_addr": "ann@example.org"}))
    filter.run(talk.recipient("<bob@example.net>", [], {}))
    filter.run(talk.data({"i": "x1"}))
    assert filter.run(talk.message(_FIELDS, [b"hello\r\n"], {"i": "x1"})) == Outcome(Decision(Way.CONTINUE))
    assert filter.heard() == [
        ("D", b"Cj\0here\0"),
        ("C", b"mx.example.org\x004\x09\xdd192.0.2.1\0"),
        ("H", b"mx.example.org\0"),
        ("D", b"M{mail_addr}\0ann@example.org\0"),
        ("M", b"<ann@example.org>\0SIZE=10\0"),
        ("R", b"<bob@example.net>\0"),
        ("D", b"Ti\0x1\0"),
        ("T", b""),
        ("L", b"From\0Ann <ann@example.org>\0"),
        ("L", b"Subject\0one\n two\0"),
        ("N", b""),
        ("B", b"hello\r\n"),
        ("D", b"Ei\0x1\0"),
        ("E", b""),
    ]


@pytest.mark.parametrize(
    ("address", "told"),
    [("2001:db8::1", b"h\x006\x00\x19IPv6:2001:db8::1\0"), ("", b"h\0U"), ("::1", b"h\x006\x00\x19IPv6:::1\0")],
)
def test_addresses_are_told_by_their_family(address: str, told: bytes) -> None:
    filter = Filter()
    filter.run(filter.talk.connect("h", address, 25, {}))
    assert filter.heard() == [("C", told)]


def test_what_a_filter_does_not_want_is_not_told_and_what_it_does_not_answer_is_not_waited_for() -> None:
    filter = Filter(wishes=Wish.NO_HELLO | Wish.NO_BODY | Wish.SILENT_FIELD | Wish.SILENT_END_OF_FIELDS | Wish.NO_DATA)
    # Were an answer to one of these waited for, the run would never end: there is none.
    filter.answers |= {b"L": b"", b"N": b""}
    assert filter.run(filter.talk.hello("h", {})).way is Way.CONTINUE
    assert filter.run(filter.talk.data({})).way is Way.CONTINUE
    assert _end(filter, packet_to_bytes(b"a")).decision.way is Way.ACCEPT
    assert [letter for letter, _ in filter.heard()] == ["L", "L", "N", "E"]


def test_only_the_macros_that_a_filter_chose_are_sent() -> None:
    filter = Filter(macros=(3).to_bytes(4, "big") + b"i, {rcpt_addr}\0")
    filter.run(filter.talk.recipient("<b@x>", [], {"i": "1", "rcpt_addr": "b@x", "rcpt_host": "x"}))
    filter.run(filter.talk.hello("h", {"j": "here"}))
    assert filter.heard()[0] == ("D", b"Ri\x001\0{rcpt_addr}\0b@x\0")
    assert ("D", b"Hj\0here\0") in filter.heard()


def test_leading_space_is_kept_where_it_was_agreed_upon() -> None:
    filter = Filter(wishes=Wish.LEADING_SPACE)
    outcome = _end(filter, packet_to_bytes(b"h", b"X-A\0  two\0"), packet_to_bytes(b"c"))
    assert ("L", b"From\0 Ann <ann@example.org>\0") in filter.heard()
    assert outcome.changes == (AddField(b"X-A", b"  two"),)


def test_changes_are_read_in_their_order_between_signs_of_life() -> None:
    filter = Filter()
    outcome = _end(
        filter,
        packet_to_bytes(b"p"),
        packet_to_bytes(b"h", b"X-A\0one\n\ttwo\0"),
        packet_to_bytes(b"i", (0).to_bytes(4, "big") + b"DKIM-Signature\0v=1;\r\n b=x\0"),
        packet_to_bytes(b"m", (2).to_bytes(4, "big") + b"Subject\0\0"),
        packet_to_bytes(b"e", b"<new@example.org>\0BODY=8BITMIME\0"),
        packet_to_bytes(b"+", b"<more@example.org>\0"),
        packet_to_bytes(b"2", b"<dsn@example.org>\0NOTIFY=NEVER\0"),
        packet_to_bytes(b"-", b"<less@example.org>\0"),
        packet_to_bytes(b"q", b"looks odd\0"),
        packet_to_bytes(b"b", b"new "),
        packet_to_bytes(b"b", b"body\r\n"),
        packet_to_bytes(b"c"),
    )
    assert outcome.changes == (
        AddField(b"X-A", b" one\r\n\ttwo"),
        AddField(b"DKIM-Signature", b" v=1;\r\n b=x", 0),
        ChangeField(b"Subject", 2, b""),
        ChangeSender("<new@example.org>", "BODY=8BITMIME"),
        AddRecipient("<more@example.org>"),
        AddRecipient("<dsn@example.org>", "NOTIFY=NEVER"),
        RemoveRecipient("<less@example.org>"),
        Quarantine("looks odd"),
    )
    assert outcome.body == b"new body\r\n"


def test_a_body_can_be_replaced_by_nothing() -> None:
    filter = Filter()
    assert _end(filter, packet_to_bytes(b"b"), packet_to_bytes(b"c")).body == b""


@pytest.mark.parametrize(
    ("answer", "decision"),
    [
        (b"550 5.7.1 Not today\0", Decision(Way.REPLY, 550, "5.7.1", "Not today")),
        (b"451 Later\0", Decision(Way.REPLY, 451, "", "Later")),
        (b"550-5.7.1 One\r\n550 5.7.1 two\0", Decision(Way.REPLY, 550, "5.7.1", "One two")),
        (b"550 5.7.1 a\rMAIL FROM:<x>\0", Decision(Way.REPLY, 550, "5.7.1", "a")),
    ],
)
def test_a_reply_of_the_filters_own_is_one_line_of_text(answer: bytes, decision: Decision) -> None:
    filter = Filter()
    filter.answers[b"R"] = packet_to_bytes(b"y", answer)
    assert filter.run(filter.talk.recipient("<b@x>", [], {})) == decision


def test_a_filter_that_has_seen_enough_of_a_body_gets_no_more_of_it() -> None:
    filter = Filter()
    filter.answers[b"B"] = packet_to_bytes(b"s")
    filter.answers[b"E"] = packet_to_bytes(b"r")
    outcome = filter.run(filter.talk.message(_FIELDS, [b"x" * 100_000, b"y"], {}))
    assert outcome.decision.way is Way.REJECT
    assert [len(data) for letter, data in filter.heard() if letter == "B"] == [65_535]


def test_a_decision_before_the_end_ends_the_message() -> None:
    filter = Filter()
    filter.answers[b"N"] = packet_to_bytes(b"d")
    assert _end(filter).decision.way is Way.DISCARD
    assert [letter for letter, _ in filter.heard()] == ["L", "L", "N"]


@pytest.mark.parametrize(
    "answer",
    [
        b"\x00\x00\x00\x00",  # no command
        b"\x7f\xff\xff\xffc",  # two gigabytes
        packet_to_bytes(b"Z"),
        packet_to_bytes(b"h", b"X-A: x\0v\0"),
        packet_to_bytes(b"h", b"X-A\0v\r\nBcc: all@example.org\0"),
        packet_to_bytes(b"h", b"X-A\0v\r\n\r\n body\0"),
        packet_to_bytes(b"h", b"X-A\0v\n \n x\0"),
        packet_to_bytes(b"h", b"X-A\0v"),
        packet_to_bytes(b"h", b"\0v\0"),
        packet_to_bytes(b"i", b"\0"),
        packet_to_bytes(b"+", b"<a@x>\r\nRCPT TO:<b@x>\0"),
        packet_to_bytes(b"y", b"250 2.0.0 fine\0"),
        packet_to_bytes(b"y", b""),
        packet_to_bytes(b"b", b"x" * 1_001),
        packet_to_bytes(b"h", b"X-A\0v\0") * 2_001,
        packet_to_bytes(b"h", b"X-A\0" + b"v" * 1_000_000 + b"\0") * 5,
        packet_to_bytes(b"O", bytes(12)),
    ],
)
def test_what_a_filter_may_not_say_ends_the_conversation(answer: bytes) -> None:
    with pytest.raises(MilterError):
        _end(Filter(), answer, packet_to_bytes(b"c"))


def test_a_change_that_was_not_agreed_upon_ends_the_conversation() -> None:
    with pytest.raises(MilterError, match="not agreed"):
        _end(Filter(actions=Action.ADD_FIELDS), packet_to_bytes(b"+", b"<a@x>\0"))


@pytest.mark.parametrize(
    ("version", "actions", "wishes"), [(1, 0, 0), (7, 0, 0), (6, 0x200, 0), (6, 0, 0x800), (6, 0, 0x2000000)]
)
def test_options_that_were_not_offered_end_the_conversation(version: int, actions: int, wishes: int) -> None:
    with pytest.raises(MilterError):
        Filter(actions, wishes, version)


def test_an_old_filter_is_not_told_of_data() -> None:
    filter = Filter(version=2)
    assert filter.run(filter.talk.data({})).way is Way.CONTINUE
    assert filter.heard() == []


def test_a_connection_that_is_closed_in_an_answer_is_noticed() -> None:
    filter = Filter()
    filter.talk.receive_data(packet_to_bytes(b"c")[:3])
    filter.talk.receive_data(b"")
    with pytest.raises(EndOfInput):
        filter.run(filter.talk.hello("h", {}))


def test_a_nul_of_a_message_cannot_make_two_strings_of_one() -> None:
    assert strings(b"a\0b", "c") == b"a\0c\0"
