"""Where mail for a domain goes, and how safe the way has to be: MX, addresses, DANE and MTA-STS in one answer.

What comes back is data; who connects obeys `Host.requirement`. Sections: RFC 5321 §5.1; RFC 7505; RFC 7672 §2.2 (what
may be concluded from which answers); RFC 8461 §5; RFC 8689 §4.2.1.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from enum import Enum

import msgspec

from pillarbox.core.dns import Answer, Lookup, Mx, Status, ask, together
from pillarbox.formats.mta_sts import Policy
from pillarbox.services.transport_host import Host, host_at
from pillarbox.services.transport_requirement import Demand

_MAX_HOSTS = 12  # of as many as somebody likes to name; questions of each are four to six


class Way(Enum):
    """Whether there is a way to a domain."""

    OPEN = "there are hosts to try, in order"
    NULL_MX = "the domain takes no mail"  # RFC 7505 §3; for good
    NO_DOMAIN = "there is no such domain"  # for good
    NO_HOST = "no mail server of the domain has an address"  # for good, as nothing failed
    OURS = "we are the best mail server of the domain, and do not know it"  # RFC 5321 §5.1; for good
    FAILED = "the DNS does not say at the moment"  # try later


class TransportPolicy(msgspec.Struct, frozen=True):
    """How to reach a domain. `is_secure`: DNSSEC says that these are its hosts. `sts` is the policy that was obeyed."""

    domain: str
    way: Way
    hosts: tuple[Host, ...] = ()
    is_secure: bool = False
    sts: Policy | None = None


def policy_for(
    domain: str,
    sts: Policy | None = None,
    *,
    demand: Demand = Demand.USUAL,
    own_names: Collection[str] = (),
    chance: random.Random | None = None,
) -> Lookup[TransportPolicy]:
    """The hosts for a domain (A-labels in lower case) in the order to try them, with what each has to prove.

    `own_names` are this server's: it and all hosts behind it are left out, so that mail does not run in a circle.
    `chance` orders hosts that are equally good.
    """
    answer = yield from ask(domain, "MX")
    way, exchanges = _exchanges(domain, answer)
    if way is not Way.OPEN:
        return TransportPolicy(domain, way, is_secure=answer.is_secure, sts=sts)
    exchanges = _in_order(exchanges, own_names, chance or random.Random())  # noqa: S311 -- no secret: it spreads load
    if not exchanges:
        return TransportPolicy(domain, Way.OURS, is_secure=answer.is_secure, sts=sts)
    nexthops = tuple(dict.fromkeys((domain, answer.canonical_name or domain)))
    lookups = (host_at(mx.host, nexthops, sts, demand, is_secure=answer.is_secure) for mx in exchanges)
    found: tuple[Host | None, ...] = yield from together(*lookups)
    hosts = tuple(host for host in found if host is not None)
    return TransportPolicy(domain, _way(hosts), hosts, answer.is_secure, sts)


def _exchanges(domain: str, answer: Answer) -> tuple[Way, list[Mx]]:
    if answer.status is Status.FAILED:
        return Way.FAILED, []
    if answer.status is Status.NO_NAME:
        return Way.NO_DOMAIN, []
    if answer.status is Status.NO_DATA:
        return Way.OPEN, [Mx(0, domain)]  # RFC 5321 §5.1: the domain itself, the implicit MX
    every = [record for record in answer.records if isinstance(record, Mx)]
    named = [mx for mx in every if mx.host]
    # RFC 7505 §3: a null MX stands alone; beside others it is a mistake that costs them nothing.
    return (Way.OPEN, named) if named else (Way.NULL_MX, [])


def _in_order(exchanges: Sequence[Mx], own_names: Collection[str], chance: random.Random) -> list[Mx]:
    """RFC 5321 §5.1: by preference, by chance among equals; nothing at or behind ourselves."""
    ours = min((mx.preference for mx in exchanges if mx.host in own_names), default=None)
    left = [mx for mx in exchanges if ours is None or mx.preference < ours]
    chance.shuffle(left)
    left.sort(key=lambda mx: mx.preference)
    return left[:_MAX_HOSTS]


def _way(hosts: Sequence[Host]) -> Way:
    """Open if a host can be tried; one that failed may be there later; without any there is none for good."""
    if any(host.failure is None and host.addresses for host in hosts):
        return Way.OPEN
    return Way.FAILED if hosts else Way.NO_HOST
