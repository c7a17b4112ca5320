"""A stage that asks a filter by the milter protocol, on a connection of its own for each SMTP connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from pillarbox.formats.message.header_block import read_block
from pillarbox.net.milter import MilterAddress, MilterConnection, MilterUnavailable, open_milter
from pillarbox.servers.smtp import milter_macro, observed
from pillarbox.servers.smtp.peer import Peer
from pillarbox.servers.smtp.stage import AddField, Answer, Changes, Content, Envelope, SetField, Stage
from pillarbox.wire.milter import answer as milter
from pillarbox.wire.milter.answer import Decision, Way
from pillarbox.wire.milter.conversation import Exchange, Outcome
from pillarbox.wire.milter.option import ALL_ACTIONS, Action
from pillarbox.wire.smtp.address import Address, BadPath, parse_path
from pillarbox.wire.smtp.reply import Reply
from pillarbox.wire.smtp.state import Recipient, Sender

_REJECTED = Reply(550, "5.7.1", "Refused by a filter")
_LATER = Reply(451, "4.7.1", "Try again later")
_CLOSING = Reply(421, "4.7.1", "Try again later, closing the connection")
_REPLIES = {
    Way.REJECT: _REJECTED,
    Way.TEMPFAIL: _LATER,
    Way.CONNECTION_FAILED: _CLOSING,
    Way.SHUTDOWN: _CLOSING,
}
# A stage has no word about the reverse-path.
_ACTIONS = ALL_ACTIONS & ~Action.CHANGE_SENDER
_MOST_FIELDS, _MOST_OCTETS = 10_000, 1_000_000
_PIECE = 65_535


class MilterSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One filter, and how long it may think: over a command, and over a whole message.

    `on_failure` is what happens to mail when the filter cannot be asked.
    """

    address: MilterAddress
    hostname: str
    on_failure: Literal["accept", "later", "reject"] = "later"
    connect_seconds: float = 10.0
    command_seconds: float = 30.0
    message_seconds: float = 300.0
    max_body: int = 50 * 1024 * 1024


class MilterStage(Stage):
    """A filter's part in one SMTP connection."""

    def __init__(self, settings: MilterSettings) -> None:
        self._settings = settings
        self._connection: MilterConnection | None = None
        self._is_over = False  # the filter accepts all that comes, or has failed and is done without
        self._accepts = False  # the filter has seen enough of this transaction
        self._discards = False
        self._is_open = False  # the filter was told of a transaction

    async def connect(self, peer: Peer) -> Answer:
        try:
            settings = self._settings
            self._connection = await open_milter(
                settings.address, settings.connect_seconds, settings.max_body, _ACTIONS
            )
        except MilterUnavailable as failure:
            return self._failed(failure)
        macros = milter_macro.of_connection(peer, settings.hostname)
        talk = self._connection.conversation
        return await self._ask(talk.connect(peer.host_name or f"[{peer.address}]", peer.address, peer.port, macros))

    async def hello(self, peer: Peer) -> Answer:
        if self._connection is None or self._is_over:
            return None
        return await self._ask(self._connection.conversation.hello(peer.helo, milter_macro.of_hello(peer)))

    async def sender(self, peer: Peer, sender: Sender) -> Answer:
        if self._connection is None or self._is_over:
            return None
        self._is_open = True
        path = f"<{sender.sender}>" if sender.sender is not None else "<>"
        macros = milter_macro.of_sender(peer, sender.sender)
        return await self._ask(self._connection.conversation.sender(path, (), macros))

    async def recipient(self, peer: Peer, envelope: Envelope, recipient: Recipient) -> Answer:
        if self._connection is None or self._is_quiet():
            return None
        macros = milter_macro.of_recipient(recipient.recipient)
        return await self._ask(self._connection.conversation.recipient(f"<{recipient.recipient}>", (), macros))

    async def message(self, peer: Peer, envelope: Envelope, content: Content) -> Answer | Changes:
        connection = self._connection
        if connection is None or self._is_quiet():
            return self._quiet_answer()
        macros = milter_macro.of_message(envelope.id)
        if (reply := await self._ask(connection.conversation.data(macros))) is not None:
            return reply
        if self._is_quiet():
            return self._quiet_answer()
        block = read_block(content.data, 0, _MOST_FIELDS, _MOST_OCTETS)
        fields = [(field.name.encode(), content.data[field.value : field.end]) for field in block.fields]
        exchange = connection.conversation.message(fields, _pieces(content.data, block.body_start), macros)
        try:
            outcome = await connection.run(exchange, self._settings.message_seconds)
        except MilterUnavailable as failure:
            return self._failed(failure)
        self._is_open = False
        return self._outcome(outcome)

    async def reset(self, peer: Peer) -> None:
        if self._connection is not None and self._is_open and not self._is_over:
            self._connection.conversation.abort()
        self._is_open = self._accepts = self._discards = False

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.leave()
            self._connection = None

    # --- what the filter says

    def _is_quiet(self) -> bool:
        """Whether the filter is not to be asked about this transaction any more."""
        return self._is_over or self._accepts or self._discards

    def _quiet_answer(self) -> Changes | None:
        return Changes(is_discarded=True) if self._discards else None

    async def _ask(self, exchange: Exchange) -> Answer:
        assert self._connection is not None
        try:
            decision = await self._connection.run(exchange, self._settings.command_seconds)
        except MilterUnavailable as failure:
            return self._failed(failure)
        return self._obey(decision)

    def _obey(self, decision: Decision) -> Answer:
        """What a decision means before the end of a message."""
        if decision.way is Way.ACCEPT:
            # Before a transaction it is about the whole connection.
            self._accepts, self._is_over = self._is_open, not self._is_open
        elif decision.way is Way.DISCARD:
            self._discards = self._is_open
        return _reply(decision)

    def _outcome(self, outcome: Outcome) -> Answer | Changes:
        if outcome.decision.way is Way.DISCARD:
            return Changes(is_discarded=True)
        if (reply := _reply(outcome.decision)) is not None:
            return reply
        kinds = outcome.changes
        return Changes(
            fields=tuple(_field(c) for c in kinds if isinstance(c, milter.AddField | milter.ChangeField)),
            body=outcome.body,
            junk=next((c.reason or "a filter's word" for c in kinds if isinstance(c, milter.Quarantine)), None),
            more_recipients=tuple(Recipient(a) for c in kinds if isinstance(c, milter.AddRecipient) for a in _path(c)),
            fewer_recipients=tuple(a for c in kinds if isinstance(c, milter.RemoveRecipient) for a in _path(c)),
        )

    def _failed(self, failure: MilterUnavailable) -> Answer:
        observed.FILTER_FAILED.log(filter=str(self._settings.address), why=str(failure))
        self._connection, self._is_over = None, True
        if self._settings.on_failure == "accept":
            return None
        return _REJECTED if self._settings.on_failure == "reject" else _CLOSING


def _reply(decision: Decision) -> Reply | None:
    if decision.way is not Way.REPLY:
        return _REPLIES.get(decision.way)
    enhanced = decision.enhanced or ("5.7.1" if decision.code >= 500 else "4.7.1")
    return Reply(decision.code, enhanced, decision.text or "Refused by a filter")


def _field(change: milter.AddField | milter.ChangeField) -> AddField | SetField:
    name, value = change.name.decode("ascii"), change.value.decode("utf-8", "replace")
    if isinstance(change, milter.ChangeField):
        return SetField(name, value or None, change.index)
    # A filter counts from 1, and means by 0 the top as well.
    return AddField(name, value, None if change.index is None else max(change.index - 1, 0))


def _path(change: milter.AddRecipient | milter.RemoveRecipient) -> Iterator[Address]:
    """The address of a recipient, none when it cannot be one."""
    text = change.path if change.path.startswith("<") else f"<{change.path}>"
    try:
        address, _ = parse_path(text)
    except BadPath:
        observed.FILTER_FAILED.log(filter="", why="a recipient that is no address")
        return
    if address is not None:
        yield address


def _pieces(data: bytes, start: int) -> Iterator[bytes]:
    for at in range(start, len(data), _PIECE):
        yield data[at : at + _PIECE]
