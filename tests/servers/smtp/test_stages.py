"""Stages: who is asked, whose word counts, and what becomes of a message."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pillarbox.servers.smtp.change import changed_data
from pillarbox.servers.smtp.peer import Kind, Peer
from pillarbox.servers.smtp.stage import AddField, Answer, Changes, Content, Envelope, Passed, SetField, Stage
from pillarbox.servers.smtp.stages import Stages
from pillarbox.wire.smtp.address import Address
from pillarbox.wire.smtp.parameter import MailParameters
from pillarbox.wire.smtp.reply import OK, Reply
from pillarbox.wire.smtp.state import Recipient, Sender

PEER = Peer(id="c1", kind=Kind.INBOUND, address="192.0.2.1")
NO = Reply(550, "5.7.1", "no")
ALICE, BOB = (Recipient(Address(name, "example.org")) for name in ("alice", "bob"))
ENVELOPE = Envelope(id="x1", sender=None, parameters=MailParameters(), recipients=(ALICE, BOB))
MESSAGE = b"Subject: one\r\nX-A: first\r\nX-A: second\r\n\tfolded\r\n\r\nbody\r\n"


class Says(Stage):
    """Answers everything in one way, and remembers what it was asked."""

    def __init__(self, answer: Answer = None, wants: Changes | None = None) -> None:
        self.answer, self.wants, self.asked = answer, wants, list[Any]()

    async def connect(self, peer: Peer) -> Answer:
        self.asked.append("connect")
        return self.answer

    async def recipient(self, peer: Peer, envelope: Envelope, recipient: Recipient) -> Answer:
        self.asked.append(recipient)
        return self.answer

    async def message(self, peer: Peer, envelope: Envelope, content: Content) -> Answer | Changes:
        self.asked.append((envelope, content))
        return self.wants or self.answer

    async def close(self) -> None:
        self.asked.append("close")


def asked(*stages: Stage) -> Stages:
    return Stages([lambda stage=stage: stage for stage in stages])  # type: ignore[misc]


def message(*stages: Stage, data: bytes = MESSAGE) -> Reply | Passed:
    return asyncio.run(asked(*stages).message(PEER, ENVELOPE, Content(data=data)))


def test_the_first_refusal_counts_and_the_rest_is_not_asked() -> None:
    first, second, third = Says(OK), Says(NO), Says()
    assert asyncio.run(asked(first, second, third).connect(PEER)) == NO
    assert asyncio.run(asked(first, second, third).recipient(PEER, ENVELOPE, ALICE)) == NO
    assert message(first, second, third) == NO
    assert len(first.asked) == len(second.asked) == 3
    assert third.asked == []


def test_a_stage_that_overrides_nothing_lets_all_pass_and_changes_not_an_octet() -> None:
    stages = asked(Stage(), Says(OK))

    async def ask_all() -> None:
        assert await stages.connect(PEER) is None
        assert await stages.hello(PEER) is None
        assert await stages.sender(PEER, Sender(None, MailParameters())) is None
        assert await stages.recipient(PEER, ENVELOPE, ALICE) is None
        assert await stages.message(PEER, ENVELOPE, Content(data=MESSAGE)) == Passed(ENVELOPE, Content(data=MESSAGE))
        await stages.reset(PEER)
        await stages.close()

    asyncio.run(ask_all())


def test_each_stage_sees_what_those_before_have_changed() -> None:
    first = Says(wants=Changes(fields=(SetField("subject", "two"),), fewer_recipients=(BOB.recipient,), junk="spam"))
    second = Says()
    passed = message(first, second)
    assert isinstance(passed, Passed)
    assert passed.junk == "spam"
    envelope, content = second.asked[0]
    assert envelope.recipients == (ALICE,)
    assert content.data == MESSAGE.replace(b"Subject: one", b"subject: two")


def test_a_stage_may_add_recipients_but_none_twice() -> None:
    carol = Recipient(Address("carol", "example.org"))
    passed = message(Says(wants=Changes(more_recipients=(carol, ALICE))))
    assert isinstance(passed, Passed)
    assert passed.envelope.recipients == (ALICE, BOB, carol)


def test_what_is_discarded_is_shown_to_nobody_else() -> None:
    last = Says(NO)
    passed = message(Says(wants=Changes(is_discarded=True)), last)
    assert isinstance(passed, Passed)
    assert passed.is_discarded
    assert last.asked == []


def test_all_stages_hear_of_the_end() -> None:
    stages = Says(NO), Says()
    asyncio.run(asked(*stages).close())
    assert [stage.asked for stage in stages] == [["close"], ["close"]]


def edit(*fields: AddField | SetField, data: bytes = MESSAGE, body: bytes | None = None) -> bytes:
    return changed_data(data, Changes(fields=fields, body=body))


def test_a_field_is_put_in_at_its_place() -> None:
    assert edit(AddField("X-B", "b", 0)) == b"X-B: b\r\n" + MESSAGE
    assert edit(AddField("X-B", "b", 1)) == MESSAGE.replace(b"X-A: first", b"X-B: b\r\nX-A: first")
    assert (
        edit(AddField("X-B", "b"))
        == edit(AddField("X-B", "b", 99))
        == MESSAGE.replace(b"\r\n\r\n", b"\r\nX-B: b\r\n\r\n")
    )


def test_of_several_fields_of_a_name_the_one_of_that_number_is_meant() -> None:
    assert edit(SetField("x-a", "new", 2)) == MESSAGE.replace(b"X-A: second\r\n\tfolded", b"x-a: new")
    assert edit(SetField("x-a", None, 2)) == MESSAGE.replace(b"X-A: second\r\n\tfolded\r\n", b"")
    assert edit(SetField("x-a", None, 3)) == MESSAGE
    assert edit(SetField("x-a", None), SetField("x-a", None)) == b"Subject: one\r\n\r\nbody\r\n"
    assert edit(SetField("X-New", "v")) == MESSAGE.replace(b"\r\n\r\n", b"\r\nX-New: v\r\n\r\n")


def test_a_new_body_follows_the_header() -> None:
    assert edit(body=b"other\r\n") == MESSAGE.replace(b"body", b"other")


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_no_value_begins_another_field(end: str) -> None:
    data = edit(AddField("X-B", f"b{end}Bcc: eve@example.org{end}{end}body", 0))
    assert data == b"X-B: b\r\n Bcc: eve@example.org\r\n body\r\n" + MESSAGE


@pytest.mark.parametrize("name", ["", "X B", "X:", "X\r\nY", "Ä"])
def test_a_name_that_is_none_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match="no header field name"):
        edit(AddField(name, "v"))


def test_messages_without_a_header_or_a_body_can_be_changed() -> None:
    assert edit(AddField("X-B", "b"), data=b"") == b"X-B: b\r\n\r\n"
    assert edit(AddField("X-B", "b"), data=b"\r\nbody\r\n") == b"X-B: b\r\n\r\nbody\r\n"
    assert edit(AddField("X-B", "b"), data=b"no field\r\n") == b"X-B: b\r\n\r\nno field\r\n"
    assert edit(AddField("X-B", "b"), data=b"Subject: a\r\n") == b"Subject: a\r\nX-B: b\r\n\r\n"
    assert edit(AddField("X-B", "b"), data=b"Subject: a") == b"Subject: a\r\nX-B: b\r\n\r\n"
