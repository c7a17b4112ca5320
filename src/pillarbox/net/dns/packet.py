"""A question as octets, and the answer out of the octets that come back, which anybody may have sent.

dnspython takes the octets apart. Sections: RFC 1035 §4.1; RFC 6891 §6.2 (EDNS); RFC 3225 §3 (DO); RFC 6840 §5.7 (AD);
RFC 2308 §2, §5 (what is not there); RFC 7505 §3 (null MX); RFC 5452 §9 (which answers are answers).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from enum import Enum

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from pillarbox.core.dns import Answer, Question, Status
from pillarbox.net.dns.record import record_of, size_of, to_text

PAYLOAD = 1232  # octets of a datagram that arrives whole nearly everywhere
MAX_OCTETS = 32_768  # of an answer by TCP
MAX_RECORDS = 256  # of the type that was asked for
_MAX_IN_SECTION = 512  # of any type; a signature for each
_MAX_CNAMES = 8
_MAX_TTL = 86_400
_MAX_NEGATIVE_TTL = 3_600  # RFC 2308 §5: more than one to three hours "have been found to be problematic"
_COUNTS = struct.Struct(">4H")


class Trouble(Enum):
    """Why octets are no answer."""

    FOREIGN = "they belong to another question, or to none"
    TRUNCATED = "the rest has to be asked for by TCP"
    UNFIT = "the server cannot or will not answer"
    PLAIN = "the server does not understand EDNS"


def make_query(question: Question, *, edns: bool = True) -> dns.message.QueryMessage:
    """A question with an unguessable id, that asks for validation. The name is one that `is_askable`."""
    query = dns.message.make_query(
        name_of(question.name),
        dns.rdatatype.from_text(question.type),
        use_edns=0 if edns else None,
        want_dnssec=edns,
        payload=PAYLOAD if edns else None,
    )
    query.flags |= dns.flags.AD  # RFC 6840 §5.7: we understand the bit
    return query


def name_of(text: str) -> dns.name.Name:
    """A name of dnspython's, taken literally: nothing in it is an escape."""
    return dns.name.Name([label.encode("ascii") for label in text.split(".")] + [b""] if text else [b""])


def read_answer(query: dns.message.QueryMessage, octets: bytes, *, is_trusted: bool) -> Answer | Trouble:
    """What a server answered. Never raises: whatever cannot be read is of no use."""
    if len(octets) < 12 or octets[:2] != query.id.to_bytes(2, "big"):
        return Trouble.FOREIGN
    _, *counts = _COUNTS.unpack_from(octets, 4)
    if max(counts) > _MAX_IN_SECTION or len(octets) > MAX_OCTETS:
        return Trouble.UNFIT  # not taken apart: that would be work that somebody else chose
    try:
        message = dns.message.from_wire(octets, ignore_trailing=True)
        if not query.is_response(message):
            return Trouble.FOREIGN
        if message.flags & dns.flags.TC:
            return Trouble.TRUNCATED
        return read_message(query, message, is_trusted=is_trusted)
    except (dns.exception.DNSException, ValueError, LookupError, struct.error):
        # A damaged answer whose beginning is right: the server's, unless somebody has guessed the id and the port.
        return Trouble.TRUNCATED if octets[2] & 0x02 else Trouble.UNFIT


def read_message(
    query: dns.message.QueryMessage, message: dns.message.Message, *, is_trusted: bool
) -> Answer | Trouble:
    """What a message says to the question. Raises ValueError when it cannot be true."""
    code = message.rcode()
    if code in (dns.rcode.FORMERR, dns.rcode.NOTIMP):
        return Trouble.PLAIN if query.edns >= 0 else Trouble.UNFIT
    if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return Trouble.UNFIT
    asked, rdtype = query.question[0].name, query.question[0].rdtype
    is_secure = is_trusted and bool(message.flags & dns.flags.AD)
    name, ttl, rrset = _follow(message.answer, asked, rdtype)
    canonical = to_text(name) if name != asked else ""
    if rrset is None:
        # RFC 2308 §2.2: NS without SOA only tell who might know; the server does not resolve for us.
        if code == dns.rcode.NOERROR and _has(message, dns.rdatatype.NS) and not _has(message, dns.rdatatype.SOA):
            return Trouble.UNFIT
        status = Status.NO_NAME if code == dns.rcode.NXDOMAIN else Status.NO_DATA
        return Answer(status, (), is_secure, min(ttl, _negative_ttl(message.authority)), canonical)
    records = tuple(dict.fromkeys(record_of(rdata) for rdata in rrset))
    if len(records) > MAX_RECORDS or sum(map(size_of, records)) > MAX_OCTETS:
        return Trouble.UNFIT
    return Answer(Status.FOUND, records, is_secure, min(ttl, rrset.ttl), canonical)


def _follow(
    answer: Iterable[dns.rrset.RRset], name: dns.name.Name, rdtype: dns.rdatatype.RdataType
) -> tuple[dns.name.Name, int, dns.rrset.RRset | None]:
    """(where CNAMEs lead, the least TTL on the way, what is there). Raises ValueError for a chain without end."""
    sets = {(rrset.name, rrset.rdtype): rrset for rrset in answer if rrset.rdclass == dns.rdataclass.IN}
    ttl = _MAX_TTL
    for _ in range(_MAX_CNAMES + 1):
        found = sets.get((name, rdtype))
        if found is not None:
            return name, ttl, found
        alias = sets.get((name, dns.rdatatype.CNAME))
        if alias is None:
            return name, ttl, None
        if len(alias) != 1:
            raise ValueError("a name has several CNAMEs")
        name, ttl = alias[0].target, min(ttl, alias.ttl)
    raise ValueError("too many CNAMEs")


def _has(message: dns.message.Message, rdtype: dns.rdatatype.RdataType) -> bool:
    return any(rrset.rdtype == rdtype for rrset in message.authority)


def _negative_ttl(authority: Iterable[dns.rrset.RRset]) -> int:
    """RFC 2308 §5: as the zone's SOA says; without one, what is not there is not remembered."""
    for rrset in authority:
        if rrset.rdtype == dns.rdatatype.SOA:
            minimum: int = rrset[0].minimum
            return min(rrset.ttl, minimum, _MAX_NEGATIVE_TTL)
    return 0
