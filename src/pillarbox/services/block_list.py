"""Lists of addresses that are asked by DNS: those of senders of spam, and those of senders that are trusted.

Sections: RFC 5782 §2.1 (IPv4), §2.4 (IPv6), §2.2 (TXT), §5 (test entries, and how a dead list is told).
"""

from __future__ import annotations

import ipaddress
import re

import msgspec

from pillarbox.core.dns import Lookup, Question, Status, ask, ask_all

_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z]{2,63}\Z", re.ASCII)
_UNPRINTABLE = re.compile(r"[^ -~]+")
_LIST_NETWORK = ipaddress.IPv4Network("127.0.0.0/8")
# What is no answer: RFC 5782 §5 keeps 127.0.0.1 out of every list, and the large lists tell by 127.255.255.x that they
# do not answer this resolver at all.
_ERRORS = (ipaddress.IPv4Network("127.255.255.0/24"), ipaddress.IPv4Network("127.0.0.1/32"))
_LONGEST_REASON = 200


class AddressList(msgspec.Struct, frozen=True):
    """A list: its domain, and which of its answers count; none: all of them."""

    domain: str
    codes: tuple[ipaddress.IPv4Network, ...] = ()

    def counts(self, text: str) -> bool:
        """Whether an answer means that the address is listed."""
        try:
            address = ipaddress.IPv4Address(text)
        except ValueError:
            return False
        if address not in _LIST_NETWORK or any(address in network for network in _ERRORS):
            return False
        return not self.codes or any(address in network for network in self.codes)


class Listing(msgspec.Struct, frozen=True):
    """An address is on a list; the reason is what the list says of it, or empty."""

    domain: str
    reason: str = ""


def parse_list(text: str) -> AddressList:
    """A list as settings name it: `bl.example.org`, or `bl.example.org=127.0.0.2,127.0.0.8/29`. Raises ValueError."""
    domain, given, codes = text.strip().lower().partition("=")
    if not _NAME.match(domain) or len(domain) > 150:
        raise ValueError(f"{text!r} is no list, such as bl.example.org or bl.example.org=127.0.0.2,127.0.0.8/29")
    try:
        networks = tuple(ipaddress.IPv4Network(code.strip()) for code in codes.split(",")) if given else ()
    except ValueError:
        raise ValueError(f"{text!r}: after the = stand addresses and networks in 127.0.0.0/8") from None
    if not all(network.subnet_of(_LIST_NETWORK) for network in networks):
        raise ValueError(f"{text!r}: after the = stand addresses and networks in 127.0.0.0/8")
    return AddressList(domain, networks)


def listed(address: str, lists: tuple[AddressList, ...]) -> Lookup[tuple[Listing, ...]]:
    """The lists that have the address, in their order. A list that does not answer does not have it."""
    name = reversed_address(address)
    answers = yield from ask_all(*(Question(f"{name}.{one.domain}", "A") for one in lists))
    found = [
        one
        for one, answer in zip(lists, answers, strict=True)
        if answer.status is Status.FOUND and any(one.counts(text) for text in answer.texts())
    ]
    return tuple(Listing(one.domain) for one in found)


def with_reason(address: str, listing: Listing) -> Lookup[Listing]:
    """The listing, with the text that the list has for people (RFC 5782 §2.2)."""
    answer = yield from ask(f"{reversed_address(address)}.{listing.domain}", "TXT")
    texts = [record.decode("utf-8", "replace") for record in answer.records if isinstance(record, bytes)]
    reason = _UNPRINTABLE.sub(" ", " ".join(texts)).strip()[:_LONGEST_REASON]
    return Listing(listing.domain, reason)


def reversed_address(address: str) -> str:
    """The name under which lists have an address: its octets backwards, or of IPv6 its nibbles. Raises ValueError."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
