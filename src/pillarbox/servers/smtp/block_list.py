"""A stage that looks for the client's address on lists, while the client still says who it is."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Literal, Protocol, TypeVar

import msgspec

from pillarbox.core.dns import Lookup
from pillarbox.servers.smtp import observed
from pillarbox.servers.smtp.peer import Peer
from pillarbox.servers.smtp.stage import AddField, Answer, Changes, Content, Envelope, Stage
from pillarbox.services.block_list import AddressList, Listing, listed, with_reason
from pillarbox.wire.smtp.reply import Reply
from pillarbox.wire.smtp.state import Recipient

T = TypeVar("T")
# RFC 5321 §4.5.1, RFC 2142 §5: whoever is on a list by mistake needs somebody to write to.
_ALWAYS = frozenset({"postmaster", "abuse"})


class Resolver(Protocol):
    """Who drives lookups."""

    async def run(self, lookup: Lookup[T], seconds: float | None = None) -> T: ...


class BlockLists(msgspec.Struct, frozen=True, kw_only=True):
    """Lists whose addresses are refused or junk, and lists whose addresses are not looked for there."""

    block: tuple[AddressList, ...] = ()
    allow: tuple[AddressList, ...] = ()
    action: Literal["reject", "junk", "mark"] = "reject"
    seconds: float = 10.0


class BlockListStage(Stage):
    """The lists' part in one connection."""

    def __init__(self, lists: BlockLists, resolver: Resolver) -> None:
        self._lists, self._resolver = lists, resolver
        self._asking: asyncio.Task[Listing | None] | None = None

    async def connect(self, peer: Peer) -> Answer:
        if self._lists.block and not peer.account and is_of_the_internet(peer.address):
            self._asking = asyncio.create_task(self._find(peer.address))
        return None

    async def recipient(self, peer: Peer, envelope: Envelope, recipient: Recipient) -> Answer:
        if self._lists.action != "reject" or recipient.recipient.local.casefold() in _ALWAYS:
            return None
        listing = await self._listing(peer)
        return _refusal(peer.address, listing) if listing is not None else None

    async def message(self, peer: Peer, envelope: Envelope, content: Content) -> Changes | None:
        listing = await self._listing(peer)
        if listing is None:
            return None
        says = f"{peer.address} is on {listing.domain}"
        mark = AddField("X-Block-List", f"{listing.domain}; address={peer.address}", 0)
        return Changes(fields=(mark,), junk=says if self._lists.action == "junk" else None)

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _listing(self, peer: Peer) -> Listing | None:
        # Somebody who logs in is not judged by an address that a hotel gave out.
        if self._asking is None or peer.account:
            return None
        return await asyncio.shield(self._asking)

    async def _find(self, address: str) -> Listing | None:
        lists = self._lists
        found = await self._resolver.run(listed(address, (*lists.block, *lists.allow)), lists.seconds)
        domains = {listing.domain for listing in found}
        if domains & {one.domain for one in lists.allow}:
            return None
        first = next((listing for listing in found if listing.domain in domains), None)
        if first is None:
            return None
        observed.LISTED.log(address=address, list=first.domain)
        if lists.action != "reject":
            return first
        return await self._resolver.run(with_reason(address, first), lists.seconds)


def _refusal(address: str, listing: Listing) -> Reply:
    reason = f": {listing.reason}" if listing.reason else ""
    return Reply(550, "5.7.1", f"{address} is on {listing.domain}{reason}")


def is_of_the_internet(address: str) -> bool:
    """Whether lists can know the address: not those of a house's own network, nor of this machine."""
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_global
    except ValueError:
        return False
