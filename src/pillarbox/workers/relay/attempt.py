"""One attempt to send a message to its recipients at one destination: hosts in turn, each by its addresses.

RFC 5321 §5.1 (in order, until one takes it), §4.5.3.1.10 (too many recipients), RFC 9422 (LIMITS).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from pillarbox.net.bridge import Bridge
from pillarbox.net.dns.lazy import Resolves
from pillarbox.net.smtp_client import SmtpConnection
from pillarbox.net.smtp_login import Untrusted
from pillarbox.services.queue import Job, job_of
from pillarbox.services.relay import Outcome, Result
from pillarbox.services.route import domain_of
from pillarbox.services.transport_requirement import Demand, Source
from pillarbox.storage.lane import Claim
from pillarbox.storage.snapshot import Snapshot
from pillarbox.wire.smtp_client.command import CommandError
from pillarbox.wire.smtp_client.conversation import Dropped, Refused, Withdrawn
from pillarbox.wire.smtp_client.message import Parcel, Recipient, hindrance
from pillarbox.wire.smtp_client.reply import Reply
from pillarbox.workers.relay.connect import Connector
from pillarbox.workers.relay.letter import Letter, letter_of
from pillarbox.workers.relay.settings import RelaySettings
from pillarbox.workers.relay.tally import Session
from pillarbox.workers.relay.target import Target, domain_targets, literal_target, route_targets
from pillarbox.workers.transport import Transports

_MOST_TRIES = 8  # addresses that one attempt connects to
_MOST_RECIPIENTS = 100  # RFC 5321 §4.5.3.1.8
_LARGE = 1 << 18
_SLOWEST = 4_096  # octets in a second
_NO_MAIL = 521
TOO_LATE = Reply(554, ("5.4.7 the time is over by which it was to be delivered",))  # RFC 2852 §4.1.3
Sign = Callable[[Snapshot, bytes, str], bytes]  # (view, message, reverse-path): header fields to put before it


@dataclass(slots=True)
class Attempt:
    """Results in the order of the claim's entries; `down` says why no server of the destination could be talked to."""

    results: list[Result] = field(default_factory=list)
    down: str | None = None


class Attempts:
    """Makes attempts."""

    def __init__(
        self,
        bridge: Bridge,
        settings: RelaySettings,
        connector: Connector,
        transports: Transports,
        resolver: Resolves,
        sign: Sign | None = None,
    ) -> None:
        self._bridge, self._settings, self._connector = bridge, settings, connector
        self._transports, self._resolver, self._sign = transports, resolver, sign

    async def close(self) -> None:
        """End what is under way beside the attempts themselves."""
        await self._transports.close()
        await self._connector.close()

    async def make(self, claim: Claim, may_go: Callable[[], bool] = lambda: True) -> Attempt:
        """Send what was claimed, for as long as it may go. Nothing of a server's doing raises."""
        entry, job = claim.entries[0], job_of(claim.entries[0])
        data = await self._bridge.read(lambda view: view.read_blob(entry.account, entry.blob))
        if data is None:
            return _same(claim, Reply(554, ("5.3.0 the message is lost: its blob cannot be read",)))
        sender, now, by = job.mail_from.email, self._bridge.store.clock.now_ms(), job.deliver_by
        if by is not None and by.is_return and by.is_over(now):
            return _same(claim, TOO_LATE)
        words = by.words(now) if by is not None else None
        letter = await letter_of(
            self._bridge, data, _parcel(job, words, may_go), lambda data: self._signed(data, sender)
        )
        if isinstance(letter, Reply):
            return _same(claim, letter)
        targets = await self._targets(entry.destination, job)
        if isinstance(targets, Reply):
            return _same(claim, targets)
        return await self._try(claim, targets, letter)

    async def _signed(self, data: bytes, sender: str) -> bytes:
        if (sign := self._sign) is None:
            return data
        return await self._bridge.read(lambda view: sign(view, data, sender), slow=len(data) > _LARGE) + data

    async def _targets(self, destination: str, job: Job) -> list[Target] | Reply:
        routes, domain = self._settings.routes, domain_of(job.rcpt_to.email)
        if job.route:
            route = routes.named(job.route if job.route != "direct" else "")
            if route is None:
                return Reply(451, (f"4.3.5 there is no route {job.route} any more",))
        else:
            route = routes.way(domain_of(job.mail_from.email), domain)
        if route.name:
            return await route_targets(route, self._resolver)
        if domain.startswith("["):
            return literal_target(domain, self._settings.port, self._settings.allowed)
        demand = Demand.REQUIRE_TLS if job.require_tls else Demand.USUAL
        policy, sts = await self._transports.find(domain, demand)
        if sts.failure is not None:
            self._connector.tally.count(Session(domain, Source.STS, "", "", sts.failure))
        return domain_targets(policy, self._settings.port, self._settings.allowed)

    async def _try(self, claim: Claim, targets: Sequence[Target], letter: Letter) -> Attempt:
        parcel = letter.parcel
        left = {at: _recipient(job_of(entry)) for at, entry in enumerate(claim.entries)}
        found: dict[int, Result] = {}
        # Whoever answers slowly enough would else hold the place of other mail for days.
        ends_at = _now() + self._settings.attempt_seconds + len(parcel.data) / _SLOWEST
        last, tries, was_there = Result("later", "451 4.4.1 no server could be reached"), 0, False
        too_much = False  # was asked for by this message: other mail may go to the same servers
        for target, address in ((t, a) for t in targets for a in t.addresses or ("",)):
            if target.failure:
                last = Result("later", f"451 4.7.5 {target.name} must not be used: {target.failure}")
                too_much = parcel.require_tls
                continue
            if tries >= _MOST_TRIES or _now() > ends_at:
                break
            tries += 1
            try:
                sent = await self._send_by(target, address, letter, left, ends_at)
            except (Dropped, Refused, Untrusted) as error:
                last = _trouble(target, error)
                was_there = was_there or last.outcome == "failed"
                too_much = parcel.require_tls and isinstance(error, Untrusted)
                continue
            was_there = True
            found |= sent.results
            left = {at: to for at, to in left.items() if at not in found or _may_go_elsewhere(found[at])}
            # A server that has decided about one knows what it puts off; one that broke off may have taken it.
            if sent.is_last or not all(map(_may_go_elsewhere, sent.results.values())):
                break
        results = [found.get(at, last) for at in range(len(claim.entries))]
        return Attempt(results, None if was_there or too_much else last.reply)

    async def _send_by(
        self, target: Target, address: str, letter: Letter, recipients: dict[int, Recipient], ends_at: float
    ) -> Sent:
        """Results for each recipient from one server. Raises Dropped, Refused, Untrusted when it was not to be had."""
        connection = self._connector.take(target, address)
        if connection is not None:
            connection.ends_at = ends_at
            try:
                return await self._send(connection, target, address, letter, recipients, is_new=False)
            except Dropped:
                pass  # it was closed while nobody looked: once more, over a new one
        connection = await self._connector.open(target, address, ends_at)
        return await self._send(connection, target, address, letter, recipients, is_new=True)

    async def _send(
        self,
        connection: SmtpConnection,
        target: Target,
        address: str,
        letter: Letter,
        recipients: dict[int, Recipient],
        *,
        is_new: bool,
    ) -> Sent:
        offered, replies, waiting = connection.offered, dict[int, Reply](), list(recipients)
        try:
            parcel = await letter.for_server(offered)
        except BaseException:
            connection.abort()
            raise
        if target.is_lmtp:  # it delivers at once, and promises nothing
            parcel = replace(parcel, deliver_by=None)
        most = min(offered.limit("RCPTMAX") or _MOST_RECIPIENTS, _MOST_RECIPIENTS)
        if (problem := hindrance(replace(parcel, recipients=tuple(recipients.values())), offered)) is not None:
            self._connector.give_back(target, address, connection)
            return Sent({at: _result(problem, None) for at in recipients})
        is_last, rest = False, Reply(451, ("4.4.2 the connection ended",))
        try:
            while waiting and (not replies or connection.is_usable):
                part, waiting = waiting[:most], waiting[most:]
                answers = await connection.send(replace(parcel, recipients=tuple(recipients[at] for at in part)))
                replies |= dict(zip(part, answers, strict=True))
                # RFC 5321 §4.5.3.1.10: "too many recipients" (452) is for those after the others
                again = [at for at in part if replies[at].code == 452 and replies[at].status == "4.5.3"]
                waiting = again + waiting if len(again) < len(part) else waiting
        except CommandError as error:
            rest = Reply(553, (f"5.1.3 {error}",))
        except Dropped as error:
            connection.abort()
            if not (replies or is_new or connection.has_sent):
                raise
            is_last, rest = connection.has_sent, Reply(451, (f"4.4.2 {error}",))
        except Withdrawn as error:
            connection.abort()
            is_last, rest = True, Reply(451, (f"4.3.0 it was not sent: {error}",))
        except BaseException:
            connection.abort()
            raise
        else:
            self._connector.give_back(target, address, connection)
        tells = "DSN" in offered
        return Sent({at: _result(replies.get(at, rest), target, tells=tells) for at in recipients}, is_last)


class Sent(NamedTuple):
    """What a server said of each recipient.

    `is_last`: no other may be tried; the connection broke when it had been given the message, or it is not ours now.
    """

    results: dict[int, Result]
    is_last: bool = False


def _now() -> float:
    return asyncio.get_running_loop().time()


def _parcel(job: Job, by: str | None, may_go: Callable[[], bool]) -> Parcel:
    """The envelope, without recipients and content."""
    sender = job.mail_from
    return Parcel(
        sender.email,
        (),
        b"",
        ret=sender.parameter("RET"),
        envelope_id=sender.parameter("ENVID"),
        priority=job.priority,
        deliver_by=by,
        require_tls=job.require_tls,
        may_go=may_go,
    )


def _recipient(job: Job) -> Recipient:
    to = job.rcpt_to
    return Recipient(to.email, to.parameter("NOTIFY"), to.parameter("ORCPT"))


def _result(reply: Reply, target: Target | None, *, tells: bool = False) -> Result:
    host = target.name if target is not None else ""
    if reply.is_ok:
        outcome: Outcome = "delivered" if target is not None and target.is_lmtp else "relayed"
        return Result(outcome, str(reply), host, tells)
    return Result("failed" if reply.is_permanent else "later", str(reply), host)


def _may_go_elsewhere(result: Result) -> bool:
    """Whether another server of the domain may do better: this one puts it off, or cannot be given it."""
    return result.outcome == "later" or (result.outcome == "failed" and not result.host)


def _trouble(target: Target, error: Exception) -> Result:
    """What comes of a server that cannot be used. Nothing before the mail itself is the last word on it, but one.

    RFC 7504 §3: a host that greets with 521 takes no mail at all.
    """
    if isinstance(error, Refused) and error.reply.code == _NO_MAIL:
        return Result("failed", str(error.reply), target.name)
    status = "4.7.5" if isinstance(error, Untrusted) else "4.3.2" if isinstance(error, Refused) else "4.4.1"
    return Result("later", f"451 {status} {target.name}: {error}")


def _same(claim: Claim, reply: Reply) -> Attempt:
    outcome = Result("failed" if reply.is_permanent else "later", str(reply))
    return Attempt([outcome] * len(claim.entries))
