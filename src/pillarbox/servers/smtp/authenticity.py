"""Has a message from outside looked at by SPF, DKIM, DMARC and their like, and says what follows for it.

Sections: RFC 8601; RFC 9989 §5.4, §8.3 (what to do with mail that fails); RFC 8617 §7.2; RFC 3463 §3.8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from pillarbox.formats.mailauth.authentication_results import remove_forged
from pillarbox.formats.mailauth.iprev import check_iprev
from pillarbox.net.bridge import Bridge
from pillarbox.net.dns.lazy import Resolves
from pillarbox.servers.smtp.checks import Checked
from pillarbox.servers.smtp.peer import Peer
from pillarbox.servers.smtp.stage import Envelope
from pillarbox.services.mail_authentication import Authenticated, CheckedPeer, Prepared, authenticate, prepare
from pillarbox.services.throttle import network_of
from pillarbox.services.trusted_sealer import was_good_before
from pillarbox.wire.smtp.reply import Reply

_SMALL = 100_000  # octets: digests of less take no longer than a hop to a thread is worth


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What an administrator decides."""

    hostname: str = "localhost"
    # What becomes of mail whose author's domain wants it rejected: as it wants; junk; nothing.
    dmarc: Literal["reject", "quarantine", "ignore"] = "reject"
    # Domains of forwarders whose word about what they received is taken.
    trusted_arc_sealers: tuple[str, ...] = ()


class Authenticity:
    """Looks at messages. Mail from loopback is a test or comes by a proxy, and is not looked at."""

    def __init__(self, bridge: Bridge, resolver: Resolves, policy: Policy) -> None:
        self._bridge, self._resolver, self._policy = bridge, resolver, policy

    async def host_name(self, address: str) -> str:
        """The name that an address has by reverse DNS, and that has the address (RFC 8601 §2.7.3); else empty."""
        if not network_of(address):
            return ""
        return (await self._resolver.run(check_iprev(address))).host or ""

    async def check(self, peer: Peer, envelope: Envelope, data: bytes) -> Checked:
        """Look at a message."""
        data, prepared = await self._off_loop(data, self._prepare)
        if not network_of(peer.address):
            return Checked(data=data)
        asked = CheckedPeer(
            address=peer.address,
            helo=peer.helo,
            mail_from=str(envelope.sender) if envelope.sender is not None else "",
            authserv_id=self._policy.hostname,
            now=self._bridge.store.clock.now_ms() // 1000,
            is_utf8=envelope.parameters.smtputf8,
        )
        found = await self._resolver.run(authenticate(prepared, asked))
        refusal, junk = verdict_on(found, self._policy)
        return Checked(
            data=data,
            fields=found.fields,
            verdicts=found.verdicts,
            refusal=refusal,
            junk=junk,
            authenticated=found,
            asked=asked,
        )

    def _prepare(self, data: bytes) -> tuple[bytes, Prepared]:
        data = remove_forged(data, [self._policy.hostname])
        return data, prepare(data)

    async def _off_loop(self, data: bytes, work: Callable[[bytes], tuple[bytes, Prepared]]) -> tuple[bytes, Prepared]:
        return work(data) if len(data) < _SMALL else await self._bridge.run(work, data)


def verdict_on(found: Authenticated, policy: Policy) -> tuple[Reply | None, str | None]:
    """(the refusal of a message, why it goes to junk); both None for one that goes its way."""
    wanted = found.dmarc.disposition
    if wanted == "none" or policy.dmarc == "ignore" or was_good_before(found, policy.trusted_arc_sealers):
        return None, None
    if wanted == "reject" and policy.dmarc == "reject":
        author = found.dmarc.author or "the author"
        text = f"DMARC: {author} wants mail rejected that is not proved to be theirs"
        return Reply(550, "5.7.1", text), None
    return None, f"DMARC: {found.dmarc.result}"
