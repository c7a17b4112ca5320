"""Broken answers of DNS servers: whatever comes, there is an answer within bounds, or none.

Each round damages a real answer with all types of records, its counts and its pointers included.
"""

from __future__ import annotations

import random

import dns.message
import dns.rrset

from pillarbox.core.dns import Answer, Question, Status
from pillarbox.net.dns.packet import MAX_RECORDS, Trouble, make_query, read_answer

_RECORDS = {
    "A": ["192.0.2.1", "192.0.2.2"],
    "AAAA": ["2001:db8::1"],
    "MX": ["10 mail.example.org.", "20 mail2.example.org.", "0 ."],
    "TXT": ['"v=spf1 " "-all"', '"' + "x" * 255 + '"'],
    "TLSA": ["3 1 1 " + "ab" * 32, "3 1 1 aabb", "2 0 2 " + "cd" * 64],
    "SRV": ["0 1 993 mail.example.org."],
    "CAA": ['0 issue "ca.example; accounturi=https://ca.example/1"'],
    "PTR": ["mail.example.org."],
    "CNAME": ["mail.example.org."],
}


def answer_to(query: dns.message.QueryMessage, chance: random.Random) -> bytes:
    """A good answer, with a CNAME before it now and then, or with what says that there is none."""
    response = dns.message.make_response(query)
    name, rdtype = query.question[0].name.to_text(), dns.rdatatype.to_text(query.question[0].rdtype)
    if chance.random() < 0.3 and rdtype != "CNAME":
        response.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", "canonical.example.org."))
        name = "canonical.example.org."
    if chance.random() < 0.8:
        response.answer.append(dns.rrset.from_text(name, 300, "IN", rdtype, *_RECORDS[rdtype]))
    else:
        soa = "ns.example.org. hostmaster.example.org. 1 3600 600 86400 60"
        response.authority.append(dns.rrset.from_text("example.org.", 300, "IN", "SOA", soa))
        response.set_rcode(chance.choice([dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.SERVFAIL]))
    return response.to_wire(max_size=65_535)


def mutated(octets: bytes, chance: random.Random) -> bytes:
    """The same with some other octets, pieces left out or doubled, counts and pointers that lie."""
    changed = bytearray(octets)
    for _ in range(chance.choice([0, 1, 1, 3, 10])):
        if len(changed) < 14:
            break
        at = chance.randrange(12, len(changed))
        act = chance.randrange(5)
        if act == 0:
            changed[at] = chance.randrange(256)
        elif act == 1:
            del changed[at : at + chance.randrange(1, 20)]
        elif act == 2:
            changed[at:at] = changed[at : at + chance.randrange(1, 20)]
        elif act == 3:
            changed[at : at + 2] = (0xC000 | chance.randrange(len(changed))).to_bytes(2, "big")
        else:
            changed[chance.randrange(2, 12)] = chance.choice([0, 1, 2, 255, chance.randrange(256)])
    return bytes(changed)


def check(chance: random.Random) -> None:
    """One round."""
    query = make_query(Question("www.example.org", chance.choice(list(_RECORDS))), edns=chance.random() < 0.8)
    octets = mutated(answer_to(query, chance), chance)
    found = read_answer(query, octets, is_trusted=True)
    if isinstance(found, Trouble):
        return
    assert isinstance(found, Answer), octets
    assert (found.status is Status.FOUND) == bool(found.records), octets
    assert len(found.records) <= MAX_RECORDS, octets
    assert 0 <= found.ttl <= 86_400, octets
    assert all(text == text.lower() for text in found.texts()), octets


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    for _ in range(rounds):
        check(chance)
