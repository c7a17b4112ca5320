"""A stage that asks a web service: a POST of JSON for each question, and JSON for an answer.

The JSON is described in docs/howto/add-hooks.md.
"""

from __future__ import annotations

import base64
import re
from typing import Any, Literal

import msgspec

from pillarbox.net.guarded_http import GuardedClient, OutboundError
from pillarbox.servers.smtp.peer import Peer
from pillarbox.servers.smtp.stage import AddField, Answer, Changes, Content, Envelope, SetField, Stage
from pillarbox.wire.smtp.address import Address, BadPath, parse_path
from pillarbox.wire.smtp.reply import Reply
from pillarbox.wire.smtp.state import Recipient, Sender

STAGES = ("connect", "hello", "sender", "recipient", "message")
_MOST = 200


class HttpHookSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One web service; `stages` are those it is asked at, `max_message` how much of a message it is sent, in octets."""

    url: str
    stages: frozenset[str] = frozenset({"message"})
    token: str | None = None
    seconds: float = 10.0
    max_message: int = 1024 * 1024


class _Said(msgspec.Struct, frozen=True, rename="camel"):
    """A reply for the client: of the hook's own, or one that goes with the action."""

    code: int
    text: str
    enhanced: str = ""


class _Edit(msgspec.Struct, frozen=True, rename="camel"):
    """A change of the header: `add` puts a field in, at a place; `set` gives one another value, null takes it away."""

    kind: Literal["add", "set"]
    name: str
    value: str | None = None
    place: int | None = None
    number: int = 1


class _Word(msgspec.Struct, frozen=True, rename="camel"):
    """What a service may answer."""

    action: Literal["accept", "reject", "later", "discard", "junk"] = "accept"
    reply: _Said | None = None
    reason: str = ""
    fields: tuple[_Edit, ...] = ()
    body: str | None = None  # base64
    more_recipients: tuple[str, ...] = ()
    fewer_recipients: tuple[str, ...] = ()


_ENHANCED = re.compile(r"[45]\.[0-9]{1,3}\.[0-9]{1,3}\Z", re.ASCII)
_words = msgspec.json.Decoder(_Word)
_OWN = {"reject": Reply(550, "5.7.1", "Refused by a check"), "later": Reply(451, "4.7.1", "Try again later")}


class HookAnswerError(Exception):
    """The service answered what cannot be understood."""


class HttpHookStage(Stage):
    """A web service's part in one connection. Failures are raised: a PatientStage stands around it."""

    def __init__(self, settings: HttpHookSettings, client: GuardedClient) -> None:
        self._settings, self._client = settings, client

    async def connect(self, peer: Peer) -> Answer:
        return await self._reply("connect", peer, {})

    async def hello(self, peer: Peer) -> Answer:
        return await self._reply("hello", peer, {})

    async def sender(self, peer: Peer, sender: Sender) -> Answer:
        return await self._reply("sender", peer, {"sender": _text(sender.sender), "size": sender.parameters.size})

    async def recipient(self, peer: Peer, envelope: Envelope, recipient: Recipient) -> Answer:
        told = {**_envelope(envelope), "recipient": str(recipient.recipient)}
        return await self._reply("recipient", peer, told)

    async def message(self, peer: Peer, envelope: Envelope, content: Content) -> Answer | Changes:
        limit = self._settings.max_message
        told = {
            **_envelope(envelope),
            "size": len(content.data),
            "message": base64.b64encode(content.data[:limit]).decode(),
            "isTruncated": len(content.data) > limit,
            "fields": content.fields.decode("utf-8", "replace"),
            "verdicts": [{"method": one.method, "result": one.result} for one in content.verdicts],
        }
        word = await self._ask("message", peer, told)
        if word is None:
            return None
        return _refusal(word) or _changes(word)

    async def _reply(self, stage: str, peer: Peer, told: dict[str, Any]) -> Answer:
        word = await self._ask(stage, peer, told)
        return _refusal(word) if word is not None else None

    async def _ask(self, stage: str, peer: Peer, told: dict[str, Any]) -> _Word | None:
        if stage not in self._settings.stages:
            return None
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._settings.token is not None:
            headers["Authorization"] = f"Bearer {self._settings.token}"
        body = msgspec.json.encode({"stage": stage, "peer": _peer(peer), **told})
        answer = await self._client.send(
            "POST",
            self._settings.url,
            headers,
            body,
            seconds=self._settings.seconds,
            max_octets=2 * self._settings.max_message + 65_536,
        )
        if answer.status == 204:  # nothing to say
            return None
        if answer.status != 200:
            raise OutboundError(f"status {answer.status}")
        try:
            return _words.decode(answer.body)
        except msgspec.DecodeError as error:
            raise HookAnswerError(str(error)) from None


def _refusal(word: _Word) -> Reply | None:
    own = _OWN.get(word.action)
    if own is None:
        return None
    said = word.reply
    if said is None:
        return own
    if said.code // 100 != own.code // 100:
        raise HookAnswerError(f"the code {said.code} does not go with {word.action}")
    if said.enhanced and not _fits(said.enhanced, said.code):
        raise HookAnswerError(f"{said.enhanced[:20]!r} is no code of RFC 3463 that goes with {said.code}")
    return Reply(said.code, said.enhanced or own.enhanced, said.text[:_MOST] or own.text)


def _fits(enhanced: str, code: int) -> bool:
    return bool(_ENHANCED.match(enhanced)) and enhanced[0] == str(code)[0]


def _changes(word: _Word) -> Changes:
    edits = word.fields[:_MOST]
    try:
        body = base64.b64decode(word.body, validate=True) if word.body is not None else None
    except ValueError:
        raise HookAnswerError("the body is not base64") from None
    return Changes(
        fields=tuple(
            AddField(edit.name, edit.value or "", edit.place)
            if edit.kind == "add"
            else SetField(edit.name, edit.value, edit.number)
            for edit in edits
        ),
        body=body,
        junk=(word.reason[:_MOST] or "a hook's word") if word.action == "junk" else None,
        is_discarded=word.action == "discard",
        more_recipients=tuple(Recipient(_address(text)) for text in word.more_recipients[:_MOST]),
        fewer_recipients=tuple(_address(text) for text in word.fewer_recipients[:_MOST]),
    )


def _address(text: str) -> Address:
    try:
        found, rest = parse_path(f"<{text}>")
    except BadPath as error:
        raise HookAnswerError(f"{text[:100]!r} is no address: {error}") from None
    if found is None or rest:
        raise HookAnswerError(f"{text[:100]!r} is no address")
    return found


def _text(address: Address | None) -> str:
    return str(address) if address is not None else ""


def _envelope(envelope: Envelope) -> dict[str, Any]:
    recipients = [str(to.recipient) for to in envelope.recipients]
    return {"id": envelope.id, "sender": _text(envelope.sender), "recipients": recipients}


def _peer(peer: Peer) -> dict[str, Any]:
    return {
        "id": peer.id,
        "kind": peer.kind.value,
        "address": peer.address,
        "port": peer.port,
        "helo": peer.helo,
        "hostName": peer.host_name,
        "tls": {"version": peer.tls.version, "cipher": peer.tls.cipher} if peer.tls is not None else None,
        "account": peer.account,
        "login": peer.login,
    }
