"""Lists of addresses as a stage."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Literal, TypeVar

import pytest

from pillarbox.core.dns import Answer, Lookup, Question, Status, drive
from pillarbox.servers.smtp.block_list import BlockLists, BlockListStage, is_of_the_internet
from pillarbox.servers.smtp.peer import Kind, Peer
from pillarbox.servers.smtp.stage import AddField, Changes, Content, Envelope
from pillarbox.services.block_list import parse_list
from pillarbox.wire.smtp.address import Address
from pillarbox.wire.smtp.parameter import MailParameters
from pillarbox.wire.smtp.reply import Reply
from pillarbox.wire.smtp.state import Recipient

T = TypeVar("T")
PEER = Peer(id="c1", kind=Kind.INBOUND, address="8.8.4.4")
ENVELOPE = Envelope(id="x1", sender=None, parameters=MailParameters())
CONTENT = Content(data=b"Subject: one\r\n\r\nhello\r\n")
LISTED = {
    Question("4.4.8.8.bl.example", "A"): Answer(Status.FOUND, ("127.0.0.2",)),
    Question("4.4.8.8.bl.example", "TXT"): Answer(Status.FOUND, (b"see https://bl.example/8.8.4.4",)),
}
ALLOWED = {**LISTED, Question("4.4.8.8.wl.example", "A"): Answer(Status.FOUND, ("127.0.0.2",))}


class Table:
    """A resolver that knows what is in a table."""

    def __init__(self, table: Mapping[Question, Answer]) -> None:
        self.table, self.asked = table, list[Question]()

    async def run(self, lookup: Lookup[T], seconds: float | None = None) -> T:
        return drive(lookup, self._answer)

    def _answer(self, question: Question) -> Answer:
        self.asked.append(question)
        return self.table.get(question, Answer(Status.NO_NAME))


def ask(
    table: Mapping[Question, Answer],
    action: Literal["reject", "junk", "mark"] = "reject",
    peer: Peer = PEER,
    local: str = "bob",
) -> tuple[Reply | None, Changes | None, list[Question]]:
    """What a recipient and a message are told, and what was asked."""

    async def go() -> tuple[Reply | None, Changes | None, list[Question]]:
        resolver = Table(table)
        lists = BlockLists(block=(parse_list("bl.example"),), allow=(parse_list("wl.example"),), action=action)
        stage = BlockListStage(lists, resolver)
        try:
            assert await stage.connect(peer) is None
            reply = await stage.recipient(peer, ENVELOPE, Recipient(Address(local, "example.org")))
            return reply, await stage.message(peer, ENVELOPE, CONTENT), resolver.asked
        finally:
            await stage.close()

    return asyncio.run(go())


def test_who_is_on_a_list_is_refused_with_what_the_list_says() -> None:
    reply, _, _ = ask(LISTED)
    assert reply == Reply(550, "5.7.1", "8.8.4.4 is on bl.example: see https://bl.example/8.8.4.4")


def test_who_is_on_no_list_is_not() -> None:
    assert ask({})[:2] == (None, None)


def test_who_is_on_an_allow_list_is_not_refused() -> None:
    assert ask(ALLOWED)[:2] == (None, None)


@pytest.mark.parametrize("local", ["postmaster", "Abuse"])
def test_there_is_always_somebody_to_complain_to(local: str) -> None:
    reply, changes, _ = ask(LISTED, local=local)
    assert reply is None
    assert changes == Changes(fields=(AddField("X-Block-List", "bl.example; address=8.8.4.4", 0),))


@pytest.mark.parametrize(("action", "junk"), [("junk", "8.8.4.4 is on bl.example"), ("mark", None)])
def test_mail_is_marked_where_it_is_not_refused(action: Literal["junk", "mark"], junk: str | None) -> None:
    reply, changes, asked = ask(LISTED, action)
    assert reply is None
    assert changes == Changes(fields=(AddField("X-Block-List", "bl.example; address=8.8.4.4", 0),), junk=junk)
    assert not any(question.type == "TXT" for question in asked)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "fe80::1%eth0", "::1", "", "192.168.1.1", "100.64.0.1"])
def test_nobody_is_asked_about_addresses_that_are_not_of_the_internet(address: str) -> None:
    assert not is_of_the_internet(address)
    assert ask(LISTED, peer=Peer(id="c1", kind=Kind.INBOUND, address=address)) == (None, None, [])


def test_who_logs_in_is_not_judged_by_an_address() -> None:
    peer = Peer(id="c1", kind=Kind.SUBMISSION, address="8.8.4.4", account="a1", login="bob")
    assert ask(LISTED, peer=peer) == (None, None, [])
