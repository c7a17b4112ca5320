"""Mail from people who log in: whether it is theirs, how much of it, and that it is queued before it is acknowledged.

Sections: RFC 6409 §4.3, §6.1, §8; RFC 4954; RFC 4865 §4; RFC 8314 §3.3; RFC 3463 §3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import utc_date
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.address import is_address
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.envelope import Envelope as SentEnvelope
from pillarbox.datatypes.envelope import release_time
from pillarbox.datatypes.view import Transaction, View
from pillarbox.net.recheck import Rechecks
from pillarbox.servers.smtp import observed_smtp as observed
from pillarbox.servers.smtp.auth import Authenticating
from pillarbox.servers.smtp.connection import Connection
from pillarbox.servers.smtp.dialogue import SMALL, Dialogue, Shared
from pillarbox.servers.smtp.faults import REFUSALS
from pillarbox.servers.smtp.harvest import Harvest
from pillarbox.servers.smtp.inbound import hops
from pillarbox.servers.smtp.mailbox import mailbox_of, reverse_path_of
from pillarbox.servers.smtp.peer import Kind as ListenerKind
from pillarbox.servers.smtp.sending_limit import SendingLimit
from pillarbox.servers.smtp.settings import SubmissionSettings
from pillarbox.servers.smtp.stage import Content, Envelope
from pillarbox.servers.smtp.trace import received, without_return_path
from pillarbox.services.authorship import check_authors, check_reverse_path
from pillarbox.services.directory import Refusal, find_recipient
from pillarbox.services.hand_in import hand_in
from pillarbox.services.held import Held
from pillarbox.services.login import Channel, LoggedIn, Logins
from pillarbox.services.mail.url_access import Asker, read_by_url
from pillarbox.services.recipient import Recipient as Found
from pillarbox.services.sending_use import use_of
from pillarbox.services.submission import Sender as Outbound
from pillarbox.services.suppression import Suppressed, suppressed
from pillarbox.wire.smtp.reply import OK, RECIPIENT_OK, Reply
from pillarbox.wire.smtp.state import Answer, Event, Fetch, Login, Octets, Offer, Recipient, Sender

T = TypeVar("T")
_NO_URL = Reply(554, "5.6.6", "The URL cannot be resolved")
_NOT_ADDRESS = Reply(501, "5.1.3", "This is no address that mail can be sent to")
_LOGIN_GONE = Reply(530, "5.7.0", "Authentication required: the login no longer holds")
_READ_ONLY = Reply(550, "5.7.1", "This login may not send as this account")
_BAD_TIME = Reply(501, "5.5.4", "The message cannot be held until then")


@dataclass(slots=True, kw_only=True)
class Submission(Shared):
    """What all connections share on which people send."""

    logins: Logins
    rechecks: Rechecks[Held]
    sender: Outbound


class SubmissionDialogue(Dialogue):
    """One connection of a mail program."""

    kind = ListenerKind.SUBMISSION

    def __init__(self, shared: Submission, settings: SubmissionSettings, wire: Connection) -> None:
        super().__init__(shared, settings, wire)
        self._submission, self._limits = shared, settings
        self._authenticating = Authenticating(shared.bridge, shared.logins)
        self._logged_in: LoggedIn | None = None
        self._limit: SendingLimit | None = None  # of the message that has begun

    @property
    def _channel(self) -> Channel:
        return Channel(self.peer.address, self.peer.tls is not None, self.wire.bindings)

    def offer(self) -> Offer:
        """What is to be had now: before TLS, from other machines, no login."""
        until = self.bridge.store.clock.now_ms() + self._limits.hold_seconds * 1000
        return Offer(
            mechanisms=self._authenticating.mechanisms(self._channel),
            start_tls=self.wire.can_start_tls,
            is_encrypted=self.peer.tls is not None,
            hold_until=utc_date(until),
        )

    def forget_client(self) -> None:
        """The login as well."""
        super().forget_client()
        self._logged_in = None

    # --- who it is

    async def other(self, event: Event) -> Answer:
        """AUTH and BURL."""
        if isinstance(event, Fetch):
            return await self._fetch(event)
        assert isinstance(event, Login)
        answer = await self._authenticating.step(event, self._channel)
        if not isinstance(answer, LoggedIn):
            return answer
        self._logged_in = answer
        self.peer = msgspec.structs.replace(
            self.peer, account=answer.access.account, login=answer.caller.username, mechanism=event.mechanism
        )
        return OK

    async def _fetch(self, event: Fetch) -> Answer:
        """What a URL stands for that somebody has lent to who has logged in; all refusals are one (RFC 4468 §5)."""
        account = await self._account()
        if isinstance(account, Reply):
            return account
        asker = Asker(self.peer.login, is_submission=True)
        data = await self.bridge.read(lambda view: read_by_url(view, event.url, asker), slow=True)
        return Octets(data) if data is not None else _NO_URL

    async def _account(self) -> str | Reply:
        """The account that is sent from, or the refusal when the login no longer holds."""
        if self._logged_in is None:
            return _LOGIN_GONE
        await self._submission.rechecks.settle(self._logged_in.held)
        fresh = self._submission.logins.check(self._logged_in)
        if fresh is None:
            return _LOGIN_GONE
        self._logged_in = fresh
        return _READ_ONLY if fresh.access.is_read_only else fresh.access.account

    async def _begin(self, account: str) -> SendingLimit | None:
        """What an account may send at the moment when a message of it begins; None: any number."""
        if (limits := self._submission.sender.limits) is None:
            return None
        use = await self.bridge.read(lambda view: use_of(view, account))
        return SendingLimit(limits, account, use, self.bridge.store.clock.now_ms(), self._limits.slow_seconds)

    # --- the envelope

    async def sender(self, event: Sender) -> Reply | None:
        """Whether mail may return there."""
        account = await self._account()
        if isinstance(account, Reply):
            return account
        self._limit = await self._begin(account)
        if self._limit is not None and (refusal := await self._limit.check_message()) is not None:
            return refusal
        address = str(event.sender) if event.sender is not None else ""
        probe = reverse_path_of(Envelope(id="", sender=event.sender, parameters=event.parameters))
        store = self.bridge.store
        try:
            release_time(SentEnvelope(probe, []), store.limits, store.clock.now_ms())
        except Fault:
            return _BAD_TIME
        await self._allow(account, lambda view: check_reverse_path(view, account, address), address)
        return None

    async def recipient(self, envelope: Envelope, event: Recipient) -> Reply:
        """Anybody may be written to; who is nobody here is told of at once."""
        address = str(event.recipient)
        if not event.recipient.domain:
            address = f"{address}@{self.settings.hostname}"
        if not is_address(address):
            return _NOT_ADDRESS
        limit = self._limit
        if limit is not None and (refusal := await limit.check_recipient(len(envelope.recipients))) is not None:
            return refusal
        harvest = Harvest(self.shared.allowances, self._limits, f"by {self.peer.account}", self.peer.address)
        if (refusal := harvest.refusal()) is not None:
            return refusal
        account = self.peer.account
        found, refused = await self.bridge.read(lambda view: _looked_up(view, account, address))
        if refused is not None:
            return Reply(550, refused.status, refused.text)
        why = found.refusal
        if found.takes_bounces_only and envelope.sender is not None:
            why = Refusal.UNKNOWN
        if why is Refusal.UNKNOWN:
            await harvest.note()
        return RECIPIENT_OK if why is None or why is Refusal.NOT_OURS else REFUSALS[why]

    # --- the message

    async def message(self, envelope: Envelope, data: bytes) -> Reply:
        """Check whose it is, and send it."""
        account = await self._account()
        if isinstance(account, Reply):
            return account
        if (refusal := self.loop(hops(data))) is not None:
            return refusal
        passed = await self.pass_stages(envelope, Content(data=data, fields=received(self.trace(envelope))))
        if isinstance(passed, Reply):
            return passed
        if passed.is_discarded or not passed.envelope.recipients:
            return OK
        # After the stages: what they have changed is looked at too.
        content = without_return_path(passed.content.data)
        author = await self._allow(account, lambda view: _author(view, account, content), "the message")
        whole = passed.content.fields + author + content
        sent = SentEnvelope(reverse_path_of(passed.envelope), [mailbox_of(to) for to in passed.envelope.recipients])
        await self._send(account, whole, sent, envelope.id)
        # RFC 5321 §4.2.5: the positive reply takes the message over; it is on stable storage by now.
        return Reply(250, "2.0.0", f"{envelope.id} queued")

    async def _allow(self, account: str, check: Callable[[View], T], what: str) -> T:
        try:
            return await self.bridge.read(check)
        except Fault as fault:
            if fault.kind in (Kind.FORBIDDEN_FROM, Kind.FORBIDDEN_MAIL_FROM):
                observed.SENDER_REFUSED.log(account=account, sender=what)
            raise

    async def _send(self, account: str, data: bytes, sent: SentEnvelope, id: str) -> None:
        bridge, sender = self.bridge, self._submission.sender
        if len(data) > bridge.store.limits.blob_inline_octets:
            await bridge.carry(bridge.store.write_ahead, data)

        def body(tx: Transaction) -> None:
            hand_in(tx, sender, account, data, sent, id, bridge.store.limits)

        # Reading a large message again for those who get it here takes its time.
        await bridge.write(body, slow=len(data) > SMALL)


def _looked_up(view: View, account: str, address: str) -> tuple[Found, Suppressed | None]:
    """Where mail for an address goes, and why not when it has refused an account's before."""
    found = find_recipient(view, address)
    refused = suppressed(view, account, [address]) if found.refusal is Refusal.NOT_OURS else {}
    return found, refused.get(address)


def _author(view: View, account: str, data: bytes) -> bytes:
    """A From field for a message that has none (RFC 6409 §8.1). Raises Fault for one that is not the account's."""
    if check_authors(view, account, data):
        return b""
    found = view.get(ACCOUNT, DIRECTORY, account)
    if found is None:
        raise Fault(Kind.FORBIDDEN_FROM, "there is no such account")
    return b"From: <" + found.name.encode() + b">\r\n"
