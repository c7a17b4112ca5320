"""One mail server of a domain: its addresses, its TLSA records, and what it has to prove.

Sections: RFC 5321 §5.1; RFC 7672 §2.1.3, §2.2.2, §2.2.3 (aliases, and which name has the records); RFC 8461 §4.1.
"""

from __future__ import annotations

from itertools import chain, zip_longest

import msgspec

from pillarbox.core.dns import Answer, Lookup, Status, Tlsa, ask, together
from pillarbox.formats.mta_sts import Policy
from pillarbox.formats.tls_result import Result
from pillarbox.services.transport_requirement import Demand, Level, Requirement, Source

_MAX_ADDRESSES = 8
_NO_TLSA = Answer(Status.NO_DATA)


class Host(msgspec.Struct, frozen=True):
    """A mail server. `failure`: why it must not be used now; the rest of what is known is there for reports."""

    name: str
    addresses: tuple[str, ...] = ()  # of both families in turn, IPv6 first
    requirement: Requirement = Requirement()
    failure: Result | None = None


class _Tlsa(msgspec.Struct, frozen=True):
    """What the DNS says of a host's certificates, and at which name."""

    base: str
    answer: Answer


def host_at(
    name: str, nexthops: tuple[str, ...], sts: Policy | None, demand: Demand, *, is_secure: bool
) -> Lookup[Host | None]:
    """The host of this name; None when it has no address, for good. `is_secure`: so was the answer that named it.

    `nexthops` are the domain's own names, which a certificate under a trust anchor may have as well.
    """
    answers: tuple[Answer, ...] = yield from together(ask(name, "AAAA"), ask(name, "A"))
    addresses = _addresses(answers)
    if not addresses:
        if all(answer.status is not Status.FAILED for answer in answers):
            return None
        return Host(name, failure=Result.DNSSEC_INVALID if is_secure else Result.VALIDATION_FAILURE)
    tlsa = _Tlsa(name, _NO_TLSA)
    if is_secure and demand is not Demand.ANY:
        tlsa = yield from _tlsa_of(name, answers)
    if tlsa.answer.status is Status.FAILED:
        # RFC 7672 §2.2: "bogus or indeterminate" is not "none": a way round is what an attacker would want.
        return Host(name, addresses, Requirement(Level.DANE, (tlsa.base,), source=Source.TLSA), Result.DNSSEC_INVALID)
    requirement, failure = _requirement(name, nexthops, tlsa, sts, demand, is_secure=is_secure)
    return Host(name, addresses, requirement, failure)


def _addresses(answers: tuple[Answer, ...]) -> tuple[str, ...]:
    six, four = (answer.texts() for answer in answers)
    return tuple(address for address in chain(*zip_longest(six, four)) if address is not None)[:_MAX_ADDRESSES]


def _tlsa_of(host: str, answers: tuple[Answer, ...]) -> Lookup[_Tlsa]:
    """The TLSA records at the name where its aliases lead, or else at its own (RFC 7672 §2.2.2, §2.2.3)."""
    found = [answer for answer in answers if answer.status is Status.FOUND]
    canonical = next((answer.canonical_name for answer in found if answer.canonical_name), "")
    is_secure = all(answer.is_secure for answer in found)
    if canonical and is_secure:
        answer = yield from _ask_tlsa(canonical)
        if answer.records or answer.status is Status.FAILED:
            return _Tlsa(canonical, answer)
    elif canonical:
        # RFC 7672 §2.1.3: the way ends in an unsigned zone; whether it begins in a signed one is for the alias to say.
        alias = yield from ask(host, "CNAME")
        if alias.status is Status.FAILED:
            return _Tlsa(host, alias)
        is_secure = alias.is_secure and alias.status is Status.FOUND
    if not is_secure:
        return _Tlsa(host, _NO_TLSA)
    return _Tlsa(host, (yield from _ask_tlsa(host)))


def _ask_tlsa(base: str) -> Lookup[Answer]:
    """The records at a name, if they were validated: an insecure zone has none."""
    answer = yield from ask(f"_25._tcp.{base}", "TLSA")
    return answer if answer.is_secure or answer.status is Status.FAILED else _NO_TLSA


def _requirement(
    name: str, nexthops: tuple[str, ...], tlsa: _Tlsa, sts: Policy | None, demand: Demand, *, is_secure: bool
) -> tuple[Requirement, Result | None]:
    """DANE where there is any, then MTA-STS, then what the sender demands, then whatever there is (RFC 8461 §2)."""
    records = tuple(record for record in tlsa.answer.records if isinstance(record, Tlsa))
    if demand is Demand.ANY:
        return Requirement(names=(name,)), None
    usable: tuple[Tlsa, ...] = ()
    if records:
        from pillarbox.formats.tlsa import usable as usable_of  # noqa: PLC0415 -- X.509, for who meets DANE

        usable = usable_of(records)
    if usable:
        # RFC 7672 §3.2.2, §3.2.3: the TLSA base, and names of the domain that DNSSEC vouches for.
        return Requirement(
            Level.DANE, tuple(dict.fromkeys((tlsa.base, name, *nexthops))), usable, source=Source.TLSA
        ), None
    if sts is not None and sts.is_obeyed:
        requirement = Requirement(Level.WEBPKI, (name,), is_enforced=sts.is_enforced, source=Source.STS)
        if demand is Demand.REQUIRE_TLS:
            requirement = msgspec.structs.replace(requirement, is_enforced=True)
        mismatch = not sts.allows(name)
        return requirement, Result.VALIDATION_FAILURE if mismatch and requirement.is_enforced else None
    if demand is Demand.REQUIRE_TLS:
        # RFC 8689 §4.2.1: the host's name has to come from DNSSEC or MTA-STS, and its certificate has to be for it.
        return Requirement(Level.WEBPKI, (name,)), None if is_secure else Result.DNSSEC_INVALID
    # RFC 7672 §2.2: records of which none is usable still promise TLS.
    level = Level.ENCRYPTED if records else Level.OPPORTUNISTIC
    return Requirement(level, (name,), source=Source.TLSA if records else Source.NONE), None
