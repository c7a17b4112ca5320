"""Hooks over HTTP: what a web service is told, and what becomes of its word."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from pillarbox.formats.mailauth.verdict import Verdict
from pillarbox.net.guarded_http import GuardedClient, OutboundError
from pillarbox.net.outbound_address import AddressPolicy
from pillarbox.servers.smtp.http_hook import STAGES, HookAnswerError, HttpHookSettings, HttpHookStage
from pillarbox.servers.smtp.peer import Kind, Peer
from pillarbox.servers.smtp.stage import AddField, Answer, Changes, Content, Envelope, SetField
from pillarbox.wire.smtp.address import Address
from pillarbox.wire.smtp.parameter import MailParameters
from pillarbox.wire.smtp.reply import Reply
from pillarbox.wire.smtp.state import Recipient, Sender

PEER = Peer(id="c1", kind=Kind.INBOUND, address="192.0.2.1", helo="mx.example.net")
ANN, BOB = Address("ann", "example.net"), Recipient(Address("bob", "example.org"))
ENVELOPE = Envelope(id="x1", sender=ANN, parameters=MailParameters(), recipients=(BOB,))
CONTENT = Content(data=b"Subject: one\r\n\r\nhello\r\n", verdicts=(Verdict("spf", "pass"),))


class Service:
    """A web service that always answers the same, and remembers what it was asked."""

    def __init__(self, status: int, answer: Any) -> None:
        self._status, self._body = status, answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.heads, self.asked = list[str](), list[dict[str, Any]]()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].split()[0])
        self.heads.append(head)
        self.asked.append(json.loads(await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n" % (self._status, len(self._body)) + self._body)
        await writer.drain()
        writer.close()


def ask(status: int, answer: Any, **settings: Any) -> tuple[list[Answer | Changes], Service]:
    """The answers of a stage at all five points."""

    async def go() -> tuple[list[Answer | Changes], Service]:
        service = Service(status, answer)
        server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        given = {"stages": frozenset(STAGES), **settings}
        stage = HttpHookStage(HttpHookSettings(url=url, **given), GuardedClient(AddressPolicy(["127.0.0.1"])))
        try:
            return [
                await stage.connect(PEER),
                await stage.hello(PEER),
                await stage.sender(PEER, Sender(ANN, MailParameters())),
                await stage.recipient(PEER, ENVELOPE, BOB),
                await stage.message(PEER, ENVELOPE, CONTENT),
            ], service
        finally:
            server.close()

    return asyncio.run(go())


def test_a_service_is_told_what_is_known_at_each_stage() -> None:
    answers, service = ask(204, b"", token="secret")
    assert answers == [None] * 5
    assert [asked["stage"] for asked in service.asked] == list(STAGES)
    assert all("authorization: bearer secret\r\n" in head for head in service.heads)
    assert service.asked[0]["peer"]["address"] == "192.0.2.1"
    assert service.asked[3]["recipient"] == "bob@example.org"
    message = service.asked[4]
    assert (message["sender"], message["recipients"]) == ("ann@example.net", ["bob@example.org"])
    assert base64.b64decode(message["message"]) == CONTENT.data
    assert message["verdicts"] == [{"method": "spf", "result": "pass"}]
    assert message["isTruncated"] is False


def test_a_service_is_asked_only_where_it_wants_and_sent_no_more_than_it_wants() -> None:
    _, service = ask(204, b"", stages=frozenset({"message"}), max_message=7)
    (message,) = service.asked
    assert base64.b64decode(message["message"]) == b"Subject"
    assert (message["isTruncated"], message["size"]) == (True, len(CONTENT.data))


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        ({"action": "reject"}, Reply(550, "5.7.1", "Refused by a check")),
        ({"action": "later", "reply": {"code": 452, "text": "busy"}}, Reply(452, "4.7.1", "busy")),
        (
            {"action": "reject", "reply": {"code": 554, "enhanced": "5.6.0", "text": "a\r\n250 b"}},
            Reply(554, "5.6.0", "a\r\n250 b"),  # which goes to the client as lines of this one reply
        ),
    ],
)
def test_a_service_refuses(answer: Any, reply: Reply) -> None:
    assert ask(200, answer)[0] == [reply] * 5


def test_a_service_changes_a_message() -> None:
    word = {
        "action": "junk",
        "reason": "odd",
        "fields": [
            {"kind": "add", "name": "X-A", "value": "1", "place": 0},
            {"kind": "set", "name": "Subject", "value": None},
        ],
        "body": base64.b64encode(b"bye\r\n").decode(),
        "moreRecipients": ["carol@example.org"],
        "fewerRecipients": ["bob@example.org"],
    }
    answers, _ = ask(200, word)
    assert answers == [None] * 4 + [
        Changes(
            fields=(AddField("X-A", "1", 0), SetField("Subject", None)),
            body=b"bye\r\n",
            junk="odd",
            more_recipients=(Recipient(Address("carol", "example.org")),),
            fewer_recipients=(BOB.recipient,),
        )
    ]


def test_a_service_lets_a_message_vanish() -> None:
    assert ask(200, {"action": "discard"})[0][4] == Changes(is_discarded=True)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (500, b""),
        (301, b""),
        (200, b"no json"),
        (200, {"action": "destroy"}),
        (200, {"action": "reject", "reply": {"code": 250, "text": "fine"}}),
        (200, {"action": "reject", "reply": {"code": 550, "text": "no", "enhanced": "5.7.1\r\n250 fine"}}),
        (200, {"action": "reject", "reply": {"code": 550, "text": "no", "enhanced": "2.0.0"}}),
    ],
)
def test_what_a_service_may_not_say_is_a_failure(status: int, answer: Any) -> None:
    with pytest.raises((OutboundError, HookAnswerError)):
        ask(status, answer)


@pytest.mark.parametrize("word", [{"body": "no base64!"}, {"moreRecipients": ["nobody"]}, {"fewerRecipients": [""]}])
def test_a_change_that_cannot_be_made_is_a_failure(word: Any) -> None:
    with pytest.raises(HookAnswerError):
        ask(200, word, stages=frozenset({"message"}))
