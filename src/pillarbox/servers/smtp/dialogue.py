"""One SMTP session with its peer, its stages and its transaction: what inbound and submission have in common.

Sections: RFC 5321 §3.1-§3.3, §4.1.4; RFC 3207 §4.2.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from pillarbox.core.operation import Operation, become
from pillarbox.net.bridge import Bridge
from pillarbox.net.spool import Spool, Spooler
from pillarbox.servers.smtp import observed_smtp as observed
from pillarbox.servers.smtp.connection import Connection
from pillarbox.servers.smtp.faults import answered
from pillarbox.servers.smtp.peer import Kind, Peer
from pillarbox.servers.smtp.settings import SmtpSettings
from pillarbox.servers.smtp.stage import Content, Envelope, Passed, Stage
from pillarbox.servers.smtp.stages import Stages
from pillarbox.servers.smtp.trace import Trace, protocol_word
from pillarbox.services.allowance import Allowances
from pillarbox.wire.smtp.reply import OK, SENDER_OK, Reply
from pillarbox.wire.smtp.session import Session
from pillarbox.wire.smtp.state import (
    Answer,
    Connect,
    Event,
    Hello,
    Message,
    Offer,
    Recipient,
    Sender,
)

T = TypeVar("T")
SMALL = 100_000  # octets: reading less takes no longer than a hop to a thread is worth
_LARGE_AT_ONCE = 2
# RFC 5321 §6.3 lets us count the Received fields; RFC 3463 §3.5: X.4.6 is a routing loop.
_LOOP = Reply(554, "5.4.6", "Too many hops: the message goes round in a circle")


@dataclass(slots=True, kw_only=True)
class Shared:
    """What all connections of a listener share."""

    bridge: Bridge
    spooler: Spooler
    allowances: Allowances
    stages: Sequence[Callable[[], Stage]] = ()
    # Reading a message takes several times its size of memory.
    large: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_LARGE_AT_ONCE))


class Dialogue(ABC):
    """Answers the events of one connection."""

    kind: Kind

    def __init__(self, shared: Shared, settings: SmtpSettings, wire: Connection) -> None:
        self.shared, self.settings, self.wire = shared, settings, wire
        self.bridge = shared.bridge
        self.stages = Stages(shared.stages)
        self.peer = Peer(
            id=self.bridge.store.ids.new("c"),
            kind=self.kind,
            address=wire.peer_address,
            port=wire.peer_port,
            local_address=wire.local_address,
            local_port=wire.local_port,
            tls=wire.tls_facts,
        )
        self.envelope: Envelope | None = None
        self.session: Session
        self._endings: set[asyncio.Task[None]] = set()

    # --- what differs

    @abstractmethod
    def offer(self) -> Offer:
        """What is to be had now."""

    @abstractmethod
    async def sender(self, event: Sender) -> Reply | None:
        """The refusal of a reverse-path, else None."""

    @abstractmethod
    async def recipient(self, envelope: Envelope, event: Recipient) -> Reply:
        """The answer to a recipient."""

    @abstractmethod
    async def message(self, envelope: Envelope, data: bytes) -> Reply:
        """The answer to a message."""

    async def other(self, event: Event) -> Answer:
        """The answer to whatever else there is."""
        raise AssertionError(f"nobody answers {type(event).__name__}")

    # --- what the connection says

    def begin(self, session: Session) -> None:
        """The conversation is there."""
        self.session = session
        session.offer = self.offer()

    def secured(self) -> None:
        """There is TLS now; whatever the client has said before is forgotten (RFC 3207 §4.2)."""
        self.forget_client()
        self.peer = msgspec.structs.replace(self.peer, tls=self.wire.tls_facts)
        self.session.offer = self.offer()

    def forget_client(self) -> None:
        """Nothing that the client has said of itself holds any more."""
        self.envelope = None
        self.peer = msgspec.structs.replace(self.peer, helo="", is_extended=False, account="", login="", mechanism="")

    def close(self) -> None:
        """The connection is over."""
        if self.stages:
            self._endings.add(task := asyncio.get_running_loop().create_task(self.stages.close()))
            task.add_done_callback(self._endings.discard)

    async def answer(self, event: Event) -> Answer:
        """The answer to an event; never raises but for cancellation."""
        envelope = self.envelope
        operation = Operation(self.kind.value, envelope.id if envelope else self.peer.id, str, self.peer.address)
        become(operation)
        operation.name, operation.login = type(event).__name__.lower(), self.peer.login
        answer = await answered(self._answer(event), observed, operation.name)
        if isinstance(answer, Reply):
            observed.note(self.kind.value, operation, event, answer)
        return answer

    async def _answer(self, event: Event) -> Answer:
        match event:
            case Connect():
                return await self.connect() or OK
            case Hello():
                return await self._hello(event) or OK
            case Sender():
                return await self._sender(event)
            case Recipient():
                return await self._recipient(event)
            case Message():
                return await self._message(event)
            case _:
                return await self.other(event)

    # --- the stages

    async def connect(self) -> Reply | None:
        """Somebody has connected."""
        return await self.stages.connect(self.peer)

    async def _hello(self, event: Hello) -> Reply | None:
        await self._end_transaction()
        self.peer = msgspec.structs.replace(self.peer, helo=event.name, is_extended=event.is_extended)
        self.session.offer = self.offer()
        return await self.stages.hello(self.peer)

    async def _end_transaction(self) -> None:
        if self.envelope is not None:
            self.envelope = None
            await self.stages.reset(self.peer)

    async def _sender(self, event: Sender) -> Reply:
        await self._end_transaction()
        refusal = await self.sender(event) or await self.stages.sender(self.peer, event)
        if refusal is not None:
            return refusal
        self.envelope = Envelope(id=self.bridge.store.ids.new("x"), sender=event.sender, parameters=event.parameters)
        return SENDER_OK

    async def _recipient(self, event: Recipient) -> Reply:
        envelope = self.envelope
        assert envelope is not None
        answer = await self.recipient(envelope, event)
        if answer.is_positive and (refusal := await self.stages.recipient(self.peer, envelope, event)) is not None:
            answer = refusal
        if answer.is_positive:
            self.envelope = msgspec.structs.replace(envelope, recipients=(*envelope.recipients, event))
        return answer

    async def _message(self, event: Message) -> Reply:
        envelope, spool = self.envelope, event.sink
        assert envelope is not None
        assert isinstance(spool, Spool)
        try:
            if event.size < SMALL:
                return await self.message(envelope, spool.read())
            async with self.shared.large:
                return await self.message(envelope, await self.bridge.run(spool.read))
        finally:
            spool.discard()
            await self._end_transaction()

    # --- for those who take messages

    def loop(self, hops: int) -> Reply | None:
        """The refusal of a message that has been through too many servers."""
        return _LOOP if hops > self.settings.max_hops else None

    async def pass_stages(self, envelope: Envelope, content: Content) -> Reply | Passed:
        """What the stages make of a message."""
        return await self.stages.message(self.peer, envelope, content) if self.stages else Passed(envelope, content)

    def trace(self, envelope: Envelope) -> Trace:
        """What Received tells."""
        peer = self.peer
        return Trace(
            sender=str(envelope.sender) if envelope.sender is not None else "",
            recipients=tuple(str(to.recipient) for to in envelope.recipients[:2]),
            peer_name=peer.helo,
            peer_address=peer.address,
            hostname=self.settings.hostname,
            protocol=protocol_word(
                is_extended=peer.is_extended,
                smtputf8=envelope.parameters.smtputf8,
                is_encrypted=peer.tls is not None,
                is_logged_in=bool(peer.account),
            ),
            id=envelope.id,
            received_ms=self.bridge.store.clock.now_ms(),
            host_name=peer.host_name,
            tls=peer.tls,
        )

    async def off_loop(self, octets: int, work: Callable[[], T]) -> T:
        """Do heavy work with so many octets: at once when it takes no time, else in a thread."""
        return work() if octets < SMALL else await self.bridge.run(work)
