"""Is a host permitted to send for a domain? The check of SPF, as a lookup.

Sections: RFC 7208 §2.3, §2.4, §4, §5, §6; RFC 8616 §4.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import msgspec

from pillarbox.core.dns import Answer, Lookup, Status
from pillarbox.formats.mailauth.domain import is_mail_domain, to_ascii
from pillarbox.formats.mailauth.spf_explanation import explain
from pillarbox.formats.mailauth.spf_macro import Address, Facts, MacroString
from pillarbox.formats.mailauth.spf_mechanism import Permanent, Session, Temporary, expand_target, matches, query
from pillarbox.formats.mailauth.spf_record import (
    BrokenRecord,
    Directive,
    SpfRecord,
    parse_record,
    select_record,
)
from pillarbox.formats.mailauth.verdict import Verdict


class SpfResult(msgspec.Struct, frozen=True):
    """The result in the words of RFC 7208 §2.6, of one identity: `mailfrom` or `helo`.

    `domain` is what was checked, as A-labels where it is a name at all. `explanation` is the domain owner's text for
    a fail: printable ASCII of at most 400 characters, but a stranger's words. `problem` says what led to an error.
    """

    result: str
    domain: str
    identity: str
    mechanism: str | None = None
    explanation: str | None = None
    problem: str | None = None

    def verdict(self, sender: str) -> Verdict:
        """For Authentication-Results, with the address or name that was given in SMTP (RFC 8601 §2.7.2)."""
        return Verdict("spf", self.result, self.problem, ((f"smtp.{self.identity}", sender),))


def check_spf(address: str, helo: str, mail_from: str, receiver: str, now: int = 0) -> Lookup[SpfResult]:
    """Check the reverse-path; if it is null, postmaster at the name of HELO (§2.4).

    `receiver` is our name, `now` the time in seconds, both only for explanations. Raises ValueError for no IP address.
    """
    if not mail_from:
        return (yield from check_helo(address, helo, receiver, now))
    local, _, domain = mail_from.rpartition("@")
    # §4.3: "If the <sender> has no local-part, substitute the string "postmaster" for the local-part".
    return (yield from _check(_facts(address, helo, local or "postmaster", domain, receiver, now), domain, "mailfrom"))


def check_helo(address: str, helo: str, receiver: str, now: int = 0) -> Lookup[SpfResult]:
    """Check the name of HELO or EHLO (§2.3). Raises ValueError for no IP address."""
    return (yield from _check(_facts(address, helo, "postmaster", helo, receiver, now), helo, "helo"))


def client_address(text: str) -> Address:
    """The address of a client; an IPv4 address in IPv6 clothes is IPv4 (§5). Raises ValueError for none."""
    address = ip_address(text.partition("%")[0])  # without the zone of a link-local address
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else IPv4Address(address)


def _facts(address: str, helo: str, local: str, domain: str, receiver: str, now: int) -> Facts:
    name = to_ascii(domain) or ""
    return Facts(client_address(address), name, local, name, to_ascii(helo) or helo, receiver, now)


def _check(facts: Facts, given: str, identity: str) -> Lookup[SpfResult]:
    # §4.3: "If the <domain> is malformed ... or is not a multi-label domain name, ... "none"".
    if not is_mail_domain(facts.domain):
        return SpfResult("none", given, identity)
    session = Session(facts)
    try:
        result, decided = yield from _check_host(session, facts.domain, explains=True)
    except (Permanent, BrokenRecord) as error:
        return SpfResult("permerror", facts.domain, identity, problem=str(error))
    except Temporary as error:
        return SpfResult("temperror", facts.domain, identity, problem=str(error))
    explanation = None
    if result == "fail" and session.explanation is not None:
        explanation = yield from explain(session, *session.explanation)
    return SpfResult(result, facts.domain, identity, None if decided is None else decided.text, explanation)


def _check_host(session: Session, domain: str, *, explains: bool) -> Lookup[tuple[str, Directive | None]]:
    """check_host() of §4. As deep as lookups are allowed: ten."""
    record = _read((yield from query(domain, "TXT")), domain)
    if record is None:
        return "none", None
    for directive in record.directives:
        if directive.mechanism == "include":
            is_match = yield from _include(session, directive.target or (), domain)
        else:
            is_match = yield from matches(session, directive, domain)
        if is_match:
            # §6.2: an included record's "exp" is not used.
            if explains and record.explanation is not None:
                session.explanation = (record.explanation, domain)
            return directive.result, directive
    if record.redirect is None:
        return "neutral", None  # §4.7
    session.count()
    target = yield from expand_target(session, record.redirect, domain)
    result, decided = yield from _check_host(session, _existing(target, "redirect"), explains=explains)
    if result == "none":
        # §6.1: "if no SPF record is found, or if the <target-name> is malformed, the result is a "permerror""
        raise Permanent(f"redirect to {target}, which has no SPF record")
    return result, decided


def _read(answer: Answer, domain: str) -> SpfRecord | None:
    if answer.status is Status.FAILED:
        raise Temporary(f"no answer for the TXT of {domain}")
    octets = select_record(record for record in answer.records if isinstance(record, bytes))
    return None if octets is None else parse_record(octets)


def _include(session: Session, target: MacroString, domain: str) -> Lookup[bool]:
    """§5.2: matches if the other record says pass."""
    session.count()
    name = yield from expand_target(session, target, domain)
    result, _ = yield from _check_host(session, _existing(name, "include"), explains=False)
    if result == "none":
        raise Permanent(f"include of {name}, which has no SPF record")
    return result == "pass"


def _existing(name: str | None, term: str) -> str:
    if not name:
        raise Permanent(f"{term} of no name")
    return name
