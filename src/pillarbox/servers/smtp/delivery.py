"""What an LMTP listener decides: who takes mail, and that a message is stored before it is acknowledged.

Sections: RFC 2033 §4.2; RFC 5321 §3.6.2, §4.1.1.3, §4.5.1; RFC 3463 §3.2, §3.3.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from pillarbox.core.faults import Fault, Kind
from pillarbox.core.operation import Operation, become
from pillarbox.datatypes.email.reading import Reading, read_message
from pillarbox.datatypes.quota import has_room
from pillarbox.datatypes.view import View
from pillarbox.net.bridge import Bridge
from pillarbox.net.spool import Spool, Spooler
from pillarbox.servers.smtp import observed
from pillarbox.servers.smtp.faults import MAILBOX_FULL, REFUSALS, answered, refusal_of
from pillarbox.servers.smtp.known_recipient import KnownRecipients
from pillarbox.servers.smtp.mailbox import mailbox_of, reverse_path_of
from pillarbox.servers.smtp.settings import LmtpSettings
from pillarbox.servers.smtp.stage import Envelope
from pillarbox.servers.smtp.takeover import take_each
from pillarbox.servers.smtp.trace import Trace, has_return_path, trace_to_bytes, without_return_path
from pillarbox.services.directory import Recipient as Found
from pillarbox.services.directory import Refusal, find_recipient
from pillarbox.services.mail.accept import Destination, Incoming
from pillarbox.services.mail.post import prepare
from pillarbox.services.reports.inbox import ReportInbox
from pillarbox.wire.smtp.reply import RECIPIENT_OK, SENDER_OK, Reply
from pillarbox.wire.smtp.session import Session
from pillarbox.wire.smtp.state import Answer, Event, Message, Offer, Recipient, Sender

_SMALL = 100_000  # octets: reading less takes no longer than a hop to a thread is worth
_LARGE_AT_ONCE = 2


@dataclass(slots=True)
class Delivery:
    """What all connections of a listener share."""

    bridge: Bridge
    settings: LmtpSettings
    spooler: Spooler
    known: KnownRecipients
    reports: ReportInbox | None = None
    # Reading a message takes several times its size of memory.
    large: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_LARGE_AT_ONCE))


class Decider:
    """Answers the events of one connection."""

    __slots__ = ("_declared", "_id", "_is_bounce", "_peer_address", "_recipients", "_session", "_shared")

    def __init__(self, shared: Delivery, peer_address: str, session: Session) -> None:
        self._shared, self._session = shared, session
        self._peer_address = peer_address
        self._declared = 0
        self._is_bounce = False
        self._id = ""  # of the transaction; stands in the trace fields and in the reply that takes the message over
        self._recipients: list[Destination] = []  # those that were accepted, in order

    def secured(self) -> None:
        """There is TLS now (RFC 3207 §4.2)."""
        self._recipients = []
        self._session.offer = Offer(is_encrypted=True)

    def close(self) -> None:
        """The connection is over."""

    async def answer(self, event: Event) -> Answer:
        """The answer to an event; never raises but for cancellation."""
        if isinstance(event, Sender):
            self._declared = event.parameters.size or 0
            self._is_bounce = event.sender is None
            self._recipients = []
            self._id = self._shared.bridge.store.ids.new("x")
            return SENDER_OK
        operation = Operation("lmtp", self._id, str, self._peer_address)
        become(operation)
        operation.name = type(event).__name__.lower()
        answer = await answered(self._answer(event), observed, operation.name)
        observed.note(operation, event, answer)
        return answer

    async def _answer(self, event: Event) -> Reply | list[Reply]:
        if isinstance(event, Recipient):
            return await self._recipient(event)
        assert isinstance(event, Message)  # no other event is asked of LMTP
        return await self._message(event)

    async def _recipient(self, event: Recipient) -> Reply:
        address = str(event.recipient)
        # RFC 5321 §4.5.1: <postmaster>, without a domain, is the one of this server.
        name = address if event.recipient.domain else f"{address}@{self._shared.settings.hostname}"
        found = await self._shared.bridge.read(lambda view: self._find(view, name))
        if isinstance(found, Reply):
            return found
        if found.takes_bounces_only and not self._is_bounce:
            return REFUSALS[Refusal.UNKNOWN]
        self._recipients.append(Destination(mailbox_of(event), found))
        return RECIPIENT_OK

    def _find(self, view: View, address: str) -> Found | Reply:
        found = self._shared.known.find(address)
        if found is None:
            found = find_recipient(view, address)
            if found.refusal is not None:
                return REFUSALS[found.refusal]
            self._shared.known.note(address, found)
        # Quotas change with every message, and are looked at each time.
        if not found.is_remote and not any(has_room(view, account, self._declared) for account in found.accounts):
            return MAILBOX_FULL
        return found

    async def _message(self, message: Message) -> Reply | list[Reply]:
        spool = message.sink
        assert isinstance(spool, Spool)
        try:
            if len(self._recipients) != len(message.recipients):
                raise Fault(Kind.FAILED, "the recipients are not those that were accepted")
            if message.size < _SMALL:
                return await self._store(message, self._take(message, spool))
            async with self._shared.large:
                return await self._store(message, await self._shared.bridge.run(self._take, message, spool))
        finally:
            spool.discard()

    def _take(self, message: Message, spool: Spool) -> tuple[str, int, Reading]:
        """(id, time of receipt, the message read with its trace fields)."""
        store = self._shared.bridge.store
        now, id = store.clock.now_ms(), self._id
        trace = Trace(
            sender=str(message.sender) if message.sender is not None else "",
            recipients=tuple(str(to) for to in message.recipients[:2]),
            peer_name=message.peer_name,
            peer_address=self._peer_address,
            hostname=self._shared.settings.hostname,
            protocol="UTF8LMTP" if message.parameters.smtputf8 else "LMTP",
            id=id,
            received_ms=now,
        )
        return id, now, _read(trace_to_bytes(trace), spool)

    async def _store(self, message: Message, taken: tuple[str, int, Reading]) -> list[Reply]:
        id, received_ms, reading = taken
        incoming = Incoming(
            reading=reading,
            mail_from=reverse_path_of(Envelope(id=id, sender=message.sender, parameters=message.parameters)),
            recipients=tuple(self._recipients),
            received_ms=received_ms,
            id=id,
            require_tls=message.parameters.require_tls,
        )
        self._recipients = []
        bridge = self._shared.bridge
        if any(to.found.postings for to in incoming.recipients):
            incoming = await bridge.run(prepare, incoming)
        if len(reading.data) > bridge.store.limits.blob_inline_octets:
            await bridge.carry(bridge.store.write_ahead, reading.data)
        accounts = {account for to in incoming.recipients for account in to.found.accounts}
        is_here = not any(to.found.is_remote or to.address.parameters for to in incoming.recipients)
        host_name = self._shared.settings.hostname
        outcomes = await bridge.write(
            lambda tx: take_each(tx, incoming, host_name),
            account=accounts.pop() if len(accounts) == 1 and is_here else None,
        )
        if self._shared.reports is not None and any(one.is_taken for one in outcomes):
            self._shared.reports.offer(incoming)
        # RFC 2033 §4.2: a positive reply takes the message over for this recipient; it is on stable storage by now.
        saved = Reply(250, "2.0.0", f"{id} saved")
        return [saved if one.is_taken else refusal_of(one) for one in outcomes]


def _read(fields: bytes, spool: Spool) -> Reading:
    message = spool.read()
    if has_return_path(message):
        message = without_return_path(message)
    reading = read_message(fields + message)
    # Other spellings are seldom: they are looked for where the names of the fields are known anyway.
    if sum(field.name.lower() == "return-path" for field in reading.structure.root.fields) > 1:
        reading = read_message(fields + without_return_path(message))
    return reading
