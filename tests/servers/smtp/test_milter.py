"""A filter as a stage: what it is told, and what becomes of its word."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, TypeVar

import pytest

from pillarbox.net.milter import MilterAddress
from pillarbox.servers.smtp.milter import MilterSettings, MilterStage
from pillarbox.servers.smtp.peer import Kind, Peer
from pillarbox.servers.smtp.stage import AddField, Changes, Content, Envelope, SetField
from pillarbox.wire.milter.packet import Packet, packet_to_bytes
from pillarbox.wire.smtp.address import Address
from pillarbox.wire.smtp.parameter import MailParameters
from pillarbox.wire.smtp.reply import Reply
from pillarbox.wire.smtp.state import Recipient, Sender

T = TypeVar("T")
PEER = Peer(
    id="c1", kind=Kind.INBOUND, address="192.0.2.1", port=4000, helo="mx.example.net", host_name="mx.example.net"
)
SENDER = Sender(Address("ann", "example.net"), MailParameters())
BOB = Recipient(Address("bob", "example.org"))
ENVELOPE = Envelope(id="x1", sender=SENDER.sender, parameters=MailParameters(), recipients=(BOB,))
MESSAGE = Content(
    data=b"Subject: one\r\n two\r\nFrom: ann@example.net\r\n\r\nhello\r\n", fields=b"Received: by here\r\n"
)
_CONTINUE = packet_to_bytes(b"c")


class Filter:
    """A filter that answers by the letter of a packet; what is not written down is answered `continue`."""

    def __init__(self, answers: Mapping[str, bytes]) -> None:
        self._answers, self.told, self.connections = answers, list[Packet](), 0
        self.is_over = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                size = int.from_bytes(await reader.readexactly(4), "big")
                content = await reader.readexactly(size)
                self.told.append(Packet(content[:1], content[1:]))
                letter = content[:1].decode()
                if letter == "O":
                    writer.write(packet_to_bytes(b"O", (6).to_bytes(4, "big") + content[5:9] + bytes(4)))
                elif letter not in "DAQ":
                    writer.write(self._answers.get(letter, _CONTINUE))
        except asyncio.IncompleteReadError:
            writer.close()
            self.is_over.set()

    def letters(self) -> str:
        """What it was told, without the macros."""
        return "".join(packet.command.decode() for packet in self.told if packet.command != b"D")


def ask(answers: Mapping[str, bytes], talk: Callable[[MilterStage], Awaitable[T]], **settings: Any) -> tuple[T, Filter]:
    """What a conversation comes to with a filter that answers so."""

    async def go() -> tuple[T, Filter]:
        filter = Filter(answers)
        server = await asyncio.start_server(filter.serve, "127.0.0.1", 0)
        address = MilterAddress("127.0.0.1", server.sockets[0].getsockname()[1])
        stage = MilterStage(MilterSettings(address=address, hostname="mail.example.org", **settings))
        try:
            result = await talk(stage)
            await stage.close()
            await filter.is_over.wait()
        finally:
            server.close()
        return result, filter

    return asyncio.run(go())


async def _to_recipient(stage: MilterStage) -> list[Reply | None]:
    return [
        await stage.connect(PEER),
        await stage.hello(PEER),
        await stage.sender(PEER, SENDER),
        await stage.recipient(PEER, ENVELOPE, BOB),
    ]


async def _whole(stage: MilterStage) -> Reply | Changes | None:
    for reply in await _to_recipient(stage):
        assert reply is None
    return await stage.message(PEER, ENVELOPE, MESSAGE)


def test_a_filter_is_told_of_everything_and_its_changes_are_passed_on() -> None:
    changes = [
        packet_to_bytes(b"i", bytes(4) + b"X-First\0top\0"),
        packet_to_bytes(b"h", b"X-Last\0end\0"),
        packet_to_bytes(b"m", (1).to_bytes(4, "big") + b"Subject\0\0"),
        packet_to_bytes(b"+", b"<carol@example.org>\0"),
        packet_to_bytes(b"-", b"<bob@example.org>\0"),
        packet_to_bytes(b"q", b"odd\0"),
        packet_to_bytes(b"b", b"bye\r\n"),
    ]
    answer, filter = ask({"E": b"".join([*changes, _CONTINUE])}, _whole)
    assert answer == Changes(
        fields=(AddField("X-First", " top", 0), AddField("X-Last", " end"), SetField("Subject", None, 1)),
        body=b"bye\r\n",
        junk="odd",
        more_recipients=(Recipient(Address("carol", "example.org")),),
        fewer_recipients=(BOB.recipient,),
    )
    assert filter.letters() == "OCHMRTLLNBEQ"
    assert [packet.data for packet in filter.told if packet.command == b"L"] == [
        b"Subject\0one\n two\0",
        b"From\0ann@example.net\0",
    ]
    macros = {packet.data[:1]: packet.data[1:].split(b"\0") for packet in filter.told if packet.command == b"D"}
    assert b"mx.example.net [192.0.2.1]" in macros[b"C"]
    assert b"ann@example.net" in macros[b"M"]
    assert macros[b"E"] == [b"i", b"x1", b""]


@pytest.mark.parametrize(
    ("answer", "code"),
    [(b"r", 550), (b"t", 451), (b"4", 421), (b"f", 421)],
)
@pytest.mark.parametrize("letter", ["C", "H", "M", "R", "T", "L", "N", "B", "E"])
def test_a_refusal_is_one_wherever_it_is_said(letter: str, answer: bytes, code: int) -> None:
    async def first_refusal(stage: MilterStage) -> Reply | Changes | None:
        for reply in await _to_recipient(stage):
            if reply is not None:
                return reply
        return await stage.message(PEER, ENVELOPE, MESSAGE)

    reply, _ = ask({letter: packet_to_bytes(answer)}, first_refusal)
    assert isinstance(reply, Reply)
    assert reply.code == code


def test_a_filter_gives_a_reply_of_its_own() -> None:
    reply, _ = ask({"E": packet_to_bytes(b"y", b"554 5.6.0 We do not like it\0")}, _whole)
    assert reply == Reply(554, "5.6.0", "We do not like it")


def test_a_filter_that_accepts_a_transaction_is_asked_about_the_next_one() -> None:
    async def twice(stage: MilterStage) -> Reply | Changes | None:
        await _whole(stage)
        await stage.reset(PEER)
        await stage.sender(PEER, SENDER)
        return await stage.message(PEER, ENVELOPE, MESSAGE)

    answer, filter = ask({"M": packet_to_bytes(b"a"), "E": packet_to_bytes(b"r")}, twice)
    assert answer is None
    assert filter.letters() == "OCHMAMQ"


def test_a_filter_that_accepts_the_connection_is_not_asked_again() -> None:
    answer, filter = ask({"C": packet_to_bytes(b"a"), "E": packet_to_bytes(b"r")}, _whole)
    assert answer is None
    assert filter.letters() == "OCQ"


@pytest.mark.parametrize("letter", ["M", "R", "T", "L", "B", "E"])
def test_a_message_that_is_to_be_discarded_goes_on_to_its_end(letter: str) -> None:
    answer, _ = ask({letter: packet_to_bytes(b"d")}, _whole)
    assert answer == Changes(is_discarded=True)


def test_a_transaction_that_is_given_up_is_told() -> None:
    async def given_up(stage: MilterStage) -> None:
        await _to_recipient(stage)
        await stage.reset(PEER)

    _, filter = ask({}, given_up)
    assert filter.letters() == "OCHMRAQ"


def test_a_message_after_a_message_needs_no_word_between_them() -> None:
    async def two(stage: MilterStage) -> None:
        await _whole(stage)
        await stage.reset(PEER)
        await stage.sender(PEER, SENDER)
        await stage.message(PEER, ENVELOPE, MESSAGE)

    _, filter = ask({}, two)
    assert filter.letters() == "OCHMRTLLNBEMTLLNBEQ"


@pytest.mark.parametrize(("on_failure", "code"), [("later", 421), ("reject", 550), ("accept", None)])
@pytest.mark.parametrize("letter", ["C", "E"])
def test_what_happens_without_the_filter_is_a_setting(
    letter: str, on_failure: Literal["later", "reject", "accept"], code: int | None
) -> None:
    async def all(stage: MilterStage) -> list[Reply | Changes | None]:
        return [*(await _to_recipient(stage)), await stage.message(PEER, ENVELOPE, MESSAGE)]

    answers, _ = ask({letter: packet_to_bytes(b"Z")}, all, on_failure=on_failure)
    codes = [reply.code for reply in answers if isinstance(reply, Reply)]
    assert codes == ([code] if code else [])
    assert not any(isinstance(answer, Changes) for answer in answers)


def test_a_recipient_that_is_no_address_is_left_out() -> None:
    answer, _ = ask({"E": packet_to_bytes(b"+", b"nobody at all\0") + _CONTINUE}, _whole)
    assert answer == Changes()
