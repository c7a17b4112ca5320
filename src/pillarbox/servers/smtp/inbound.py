"""Mail from other servers: who takes it, what is found out about it, and that it is stored before it is acknowledged.

Sections: RFC 5321 §3.6.2, §4.1.1.3, §4.2.5, §4.4, §4.5.1, §6.2, §6.3; RFC 7505 §3; RFC 3463 §3.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

import msgspec

from pillarbox.datatypes.email.reading import read_message
from pillarbox.datatypes.quota import has_room
from pillarbox.datatypes.view import View
from pillarbox.formats.message.header_block import read_block
from pillarbox.servers.smtp import observed_smtp as observed
from pillarbox.servers.smtp.checks import Checked, Checks
from pillarbox.servers.smtp.connection import Connection
from pillarbox.servers.smtp.dialogue import SMALL, Dialogue, Shared
from pillarbox.servers.smtp.faults import MAILBOX_FULL, REFUSALS, RELAYING
from pillarbox.servers.smtp.harvest import Harvest
from pillarbox.servers.smtp.known_recipient import KnownRecipients
from pillarbox.servers.smtp.mailbox import mailbox_of, reverse_path_of
from pillarbox.servers.smtp.peer import Kind
from pillarbox.servers.smtp.settings import InboundSettings
from pillarbox.servers.smtp.stage import Content, Envelope
from pillarbox.servers.smtp.takeover import NotTaken, take_over
from pillarbox.servers.smtp.trace import received, return_path, without_return_path
from pillarbox.services.directory import Recipient as Found
from pillarbox.services.directory import Refusal, find_recipient
from pillarbox.services.mail.accept import Destination, Incoming
from pillarbox.services.mail.incoming import leaving_data
from pillarbox.services.mail.post import prepare
from pillarbox.services.mail_authentication import Authenticated
from pillarbox.services.reports.counts import ReportCounts
from pillarbox.services.reports.failures import Failures
from pillarbox.services.reports.inbox import ReportInbox
from pillarbox.services.signing import seal_fields
from pillarbox.services.throttle import network_of
from pillarbox.wire.smtp.reply import OK, RECIPIENT_OK, Reply
from pillarbox.wire.smtp.state import Answer, Event, Offer, Proxied, Recipient, Sender

_HEADER_FIELDS, _HEADER_OCTETS = 10_000, 1_000_000
_DENIED = ("fail", "softfail")
_DISCARDED = Reply(250, "2.0.0", "OK")


@dataclass(slots=True, kw_only=True)
class Inbound(Shared):
    """What all connections share that bring mail from other servers."""

    known: KnownRecipients
    checks: Checks | None = None
    reports: ReportInbox | None = None
    counts: ReportCounts | None = None
    failures: Failures | None = None


class InboundDialogue(Dialogue):
    """One connection of another server."""

    kind = Kind.INBOUND

    def __init__(self, shared: Inbound, settings: InboundSettings, wire: Connection) -> None:
        super().__init__(shared, settings, wire)
        self._inbound, self._limits = shared, settings
        self._found: dict[str, Found] = {}  # by recipient, of this transaction

    def offer(self) -> Offer:
        """TLS; and XCLIENT for a proxy that is trusted."""
        return Offer(
            start_tls=self.wire.can_start_tls,
            is_encrypted=self.peer.tls is not None,
            xclient=_is_in(self.wire.peer_address, self._limits.xclient_from),
        )

    async def connect(self) -> Reply | None:
        """Find out who has connected."""
        if self._inbound.checks is not None and self.peer.address:
            name = await self._inbound.checks.host_name(self.peer.address)
            self.peer = msgspec.structs.replace(self.peer, host_name=name)
        return await super().connect()

    async def other(self, event: Event) -> Answer:
        """XCLIENT."""
        assert isinstance(event, Proxied)
        given = event.attributes
        address = (given.get("ADDR") or "").removeprefix("IPV6:").removeprefix("IPv6:")
        if "ADDR" in given:
            try:
                address = str(ipaddress.ip_address(address)) if address else ""
            except ValueError:
                return Reply(501, "5.5.4", "ADDR is no address")
        self.forget_client()
        port = given.get("PORT") or ""
        self.peer = msgspec.structs.replace(
            self.peer,
            address=address if "ADDR" in given else self.peer.address,
            port=int(port) if port.isdecimal() and len(port) < 6 else 0,
            host_name="",
        )
        return OK

    # --- the envelope

    async def sender(self, event: Sender) -> Reply | None:
        """Any sender may write to us."""
        self._found = {}
        return None

    async def recipient(self, envelope: Envelope, event: Recipient) -> Reply:
        """Whether somebody here takes mail for an address. RFC 5321 §4.5.1: <postmaster> is the one of this server."""
        if (refusal := self._harvest.refusal()) is not None:
            return refusal
        address = str(event.recipient)
        found = await self._look_for(self._full(address), envelope.parameters.size or 0)
        if isinstance(found, Reply):
            if found in (REFUSALS[Refusal.UNKNOWN], RELAYING):
                await self._harvest.note()
            return found
        if found.takes_bounces_only and envelope.sender is not None:
            return REFUSALS[Refusal.UNKNOWN]
        self._found[address] = found
        return RECIPIENT_OK

    def _find(self, view: View, address: str, octets: int) -> Found | Reply:
        found = self._inbound.known.find(address)
        if found is None:
            found = find_recipient(view, address)
            if found.refusal is Refusal.NOT_OURS:
                return RELAYING
            if found.refusal is not None:
                return REFUSALS[found.refusal]
            self._inbound.known.note(address, found)
        # Quotas change with every message, and are looked at each time.
        if not found.is_remote and not any(has_room(view, account, octets) for account in found.accounts):
            return MAILBOX_FULL
        return found

    @property
    def _harvest(self) -> Harvest:
        key = network_of(self.peer.address)
        return Harvest(self.shared.allowances, self._limits, key, self.peer.address)

    # --- the message

    async def message(self, envelope: Envelope, data: bytes) -> Reply:
        """Check a message, and take it over for all of its recipients, or for none."""
        if (refusal := self.loop(hops(data))) is not None:
            return refusal
        checked = await self._check(envelope, data)
        if checked.refusal is not None:
            return checked.refusal
        fields = received(self.trace(envelope)) + checked.fields
        passed = await self.pass_stages(envelope, Content(data=checked.data, fields=fields, verdicts=checked.verdicts))
        if isinstance(passed, Reply):
            return passed
        if passed.is_discarded or not passed.envelope.recipients:
            return _DISCARDED
        destinations = await self._destinations(passed.envelope)
        sender = reverse_path_of(passed.envelope)
        # Only the last Return-Path is ours: readers take it for true (RFC 5321 §4.4).
        whole = return_path(sender.email) + passed.content.fields + without_return_path(passed.content.data)
        reading = await self.off_loop(len(whole), lambda: read_message(whole))
        incoming = Incoming(
            reading=reading,
            mail_from=sender,
            recipients=destinations,
            received_ms=self.bridge.store.clock.now_ms(),
            id=passed.envelope.id,
            require_tls=passed.envelope.parameters.require_tls,
            is_quarantined=(passed.junk or checked.junk) is not None,
            is_sender_denied=checked.authenticated is not None and checked.authenticated.spf.result in _DENIED,
        )
        if checked.authenticated is not None:
            incoming = await self._sealed(incoming, checked.authenticated)
        reply = await self._store(passed.envelope.id, incoming)
        if self._inbound.reports is not None and reply.code == 250:
            self._inbound.reports.offer(incoming, checked.authenticated)
        return reply

    async def _check(self, envelope: Envelope, data: bytes) -> Checked:
        checks = self._inbound.checks
        if checks is None:
            return Checked(data=data)
        checked = await checks.check(self.peer, envelope, data)
        if checked.authenticated is not None and checked.asked is not None:
            facts = checked.authenticated, checked.asked, checked.applied, checked.data
            if self._inbound.counts is not None:
                self._inbound.counts.mail(*facts)
            if self._inbound.failures is not None:
                self._inbound.failures.offer(*facts, [str(to.recipient) for to in envelope.recipients])
        return checked

    async def _sealed(self, incoming: Incoming, found: Authenticated) -> Incoming:
        """With fields of ARC for what is sent on: whoever gets it learns what was found out here (RFC 8617 §5.1)."""
        leaving = next((to.address.email for to in incoming.recipients if to.found.is_remote), None)
        if leaving is None:
            return incoming
        data = leaving_data(incoming)
        seal = await self.bridge.read(
            lambda view: seal_fields(view, data, found, self._full(leaving)), slow=len(data) > SMALL
        )
        return msgspec.structs.replace(incoming, seal=seal)

    def _full(self, address: str) -> str:
        return address if "@" in address else f"{address}@{self.settings.hostname}"

    async def _destinations(self, envelope: Envelope) -> tuple[Destination, ...]:
        """Where the recipients lead. Those that a stage has added are looked for now; who is nobody gets nothing."""
        found: list[Destination] = []
        for to in envelope.recipients:
            address = str(to.recipient)
            known = self._found.get(address) or await self._look_for(self._full(address))
            if not isinstance(known, Reply):
                found.append(Destination(mailbox_of(to), known))
        return tuple(found)

    async def _look_for(self, address: str, octets: int = 0) -> Found | Reply:
        return await self.bridge.read(lambda view: self._find(view, address, octets))

    async def _store(self, id: str, incoming: Incoming) -> Reply:
        bridge = self.bridge
        if any(to.found.postings for to in incoming.recipients):
            incoming = await bridge.run(prepare, incoming)
        if len(incoming.reading.data) > bridge.store.limits.blob_inline_octets:
            await bridge.carry(bridge.store.write_ahead, incoming.reading.data)
        accounts = {account for to in incoming.recipients for account in to.found.accounts}
        is_here = not any(to.found.is_remote or to.address.parameters for to in incoming.recipients)
        try:
            await bridge.write(
                lambda tx: take_over(tx, incoming, self.settings.hostname),
                account=accounts.pop() if len(accounts) == 1 and is_here else None,
            )
        except NotTaken as refused:
            return refused.reply
        if incoming.is_quarantined:
            observed.JUNK.count()
        # RFC 5321 §4.2.5: the positive reply takes the message over; it is on stable storage by now.
        return Reply(250, "2.0.0", f"{id} saved")


def hops(data: bytes) -> int:
    """Through how many servers a message has come (RFC 5321 §6.3)."""
    block = read_block(data, 0, _HEADER_FIELDS, _HEADER_OCTETS)
    return sum(field.name.lower() == "received" for field in block.fields)


def _is_in(address: str, networks: tuple[str, ...]) -> bool:
    if not address or not networks:
        return False
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return any((mapped or ip) in ipaddress.ip_network(network, strict=False) for network in networks)
