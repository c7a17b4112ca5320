"""The mechanisms of SPF that need nothing but addresses, and the limits that all share.

Sections: RFC 7208 §4.6.4, §5, §7.3.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

import msgspec

from pillarbox.core.dns import Answer, Lookup, Mx, Question, Status, ask, ask_all
from pillarbox.formats.mailauth.domain import is_at_or_below, is_name, to_ascii
from pillarbox.formats.mailauth.spf_macro import (
    Facts,
    MacroString,
    expand_domain,
    reverse_name,
    wants_validated_name,
)
from pillarbox.formats.mailauth.spf_record import Directive

MAX_LOOKUPS = 10
MAX_VOID = 2
MAX_NAMES = 10
# A name with more addresses than this is no host; the rest of the answer is not looked at.
MAX_ADDRESSES = 500
_NO_NAME = Answer(Status.NO_NAME)


class Permanent(Exception):
    """A permerror: the domain's records are wrong."""


class Temporary(Exception):
    """A temperror: the DNS did not answer."""


class Session:
    """One check, with everything that it included: the facts, and what has been used of the limits."""

    __slots__ = ("explanation", "facts", "lookups", "type", "validated", "voids")

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.type = "A" if facts.address.version == 4 else "AAAA"
        self.lookups = self.voids = 0
        self.validated: tuple[str, ...] | None = None
        self.explanation: tuple[MacroString, str] | None = None

    def count(self) -> None:
        """§4.6.4: terms that ask the DNS "MUST" be limited "to 10 during SPF evaluation"."""
        self.lookups += 1
        if self.lookups > MAX_LOOKUPS:
            raise Permanent("more than 10 terms that need the DNS")

    def note(self, answer: Answer) -> Answer:
        """Hold an answer against the limit of void lookups (§4.6.4). Raises Temporary where there was none."""
        if answer.status is Status.FAILED:
            raise Temporary("no answer of the DNS")
        if not answer.records:
            self.voids += 1
            if self.voids > MAX_VOID:
                raise Permanent("more than 2 lookups that found nothing")
        return answer


def query(name: str, type: str) -> Lookup[Answer]:
    """Ask for a name that may be none: then there is no such name, and nobody is asked."""
    return (yield from ask(name, type)) if is_name(name) else _NO_NAME


def expand_target(session: Session, target: MacroString | None, domain: str) -> Lookup[str | None]:
    """The name that a term is about: of its domain-spec, else the domain that is checked."""
    if target is None:
        return domain
    return expand_domain(target, (yield from facts_for(session, target, domain)))


def facts_for(session: Session, pieces: MacroString, domain: str) -> Lookup[Facts]:
    """The facts for an expansion: of this domain, with the name of `%{p}` if it is wanted."""
    facts = session.facts
    validated = facts.validated
    if wants_validated_name(pieces):
        validated = _choose((yield from _validated_names(session)), domain)
    if domain == facts.domain and validated == facts.validated:
        return facts
    return msgspec.structs.replace(facts, domain=domain, validated=validated)


def matches(session: Session, directive: Directive, domain: str) -> Lookup[bool]:
    """Whether a directive that is no include matches. Raises Permanent and Temporary."""
    if directive.mechanism == "all":
        return True
    if directive.mechanism in ("ip4", "ip6"):
        return _in_network(session, directive)
    session.count()
    name = yield from expand_target(session, directive.target, domain)
    if name is None:
        return False
    match directive.mechanism:
        case "a":
            answer = session.note((yield from query(name, session.type)))
            return _has_address(session, answer, directive.lengths)
        case "mx":
            return (yield from _matches_mx(session, directive, name))
        case "ptr":
            return any(is_at_or_below(found, name) for found in (yield from _validated_names(session)))
        case _:
            # §5.7: exists asks for A, "even when the connection is via IPv6".
            return bool(session.note((yield from query(name, "A"))).records)


def _in_network(session: Session, directive: Directive) -> bool:
    address = session.facts.address
    bits = 32 if directive.mechanism == "ip4" else 128
    return address.max_prefixlen == bits and int(address) >> (bits - directive.lengths[0]) == directive.network


def _has_address(session: Session, answer: Answer, lengths: tuple[int, int]) -> bool:
    address = session.facts.address
    drop = address.max_prefixlen - lengths[address.version == 6]
    network = int(address) >> drop
    texts = answer.texts()[:MAX_ADDRESSES]
    return any(int(found) >> drop == network for found in map(ip_address, texts) if found.version == address.version)


def _matches_mx(session: Session, directive: Directive, name: str) -> Lookup[bool]:
    found = session.note((yield from query(name, "MX")))
    exchanges = sorted(record for record in found.records if isinstance(record, Mx))
    # §4.6.4: "MUST NOT exceed 10 MX records; if exceeded ... permerror"
    if len(exchanges) > MAX_NAMES:
        raise Permanent("more than 10 mail exchanges")
    for answer in (yield from _ask_addresses(session, (exchange.host for exchange in exchanges))):
        if _has_address(session, session.note(answer), directive.lengths):
            return True
    return False


def _ask_addresses(session: Session, hosts: Iterable[str]) -> Lookup[tuple[Answer, ...]]:
    names = (host for host in hosts if is_name(host))
    return (yield from ask_all(*(Question(host, session.type) for host in names)))


def _validated_names(session: Session) -> Lookup[tuple[str, ...]]:
    """The names of the address whose addresses have it among them (§5.5), asked once in a check.

    An error of the DNS makes no names, not a temperror.
    """
    if session.validated is not None:
        return session.validated
    session.validated = ()
    found = yield from query(reverse_name(session.facts.address), "PTR")
    if found.status is Status.FAILED:
        return ()
    # "If more than 10 sending-domain_names are found, then at most 10 are used."
    names = [name for name in map(to_ascii, session.note(found).texts()[:MAX_NAMES]) if name]
    answers = yield from _ask_addresses(session, names)
    session.validated = tuple(
        name
        for name, answer in zip(names, answers, strict=True)
        if answer.status is not Status.FAILED and _has_address(session, session.note(answer), (32, 128))
    )
    return session.validated


def _choose(names: tuple[str, ...], domain: str) -> str:
    """§7.3: the domain itself, else a name below it, else any, else "unknown"."""
    if domain in names:
        return domain
    return next((name for name in names if is_at_or_below(name, domain)), names[0] if names else "unknown")
