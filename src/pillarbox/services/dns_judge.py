"""How each kind of record is judged: what does its work is right, whatever else stands beside it.

Sections: RFC 7208 §3.2 (one SPF record); RFC 9989 §4.10.1 (one DMARC record); RFC 8461 §3.1; RFC 8460 §3; RFC 7672
§2.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from pillarbox.core.dns import Answer, Caa, Lookup, Mx, Record, Srv, Tlsa, ask, ask_all, together
from pillarbox.formats.mailauth.dmarc_record import is_dmarc, parse_dmarc_record
from pillarbox.formats.mailauth.spf import check_spf
from pillarbox.formats.mta_sts import read_record
from pillarbox.services.dns_record import DnsRecord, Facts, Topic


class Judged(msgspec.Struct, frozen=True):
    """Whether what was found is right. `relevant` are the records that it was about; None: all that were found."""

    is_ok: bool
    advice: str = ""
    relevant: tuple[Record, ...] | None = None


Judge: TypeAlias = Callable[[DnsRecord, Answer, Facts], Lookup[Judged]]


def _plain(judge: Callable[[DnsRecord, Answer, Facts], Judged]) -> Judge:
    """A judge that asks nothing more."""

    def run(record: DnsRecord, answer: Answer, facts: Facts) -> Lookup[Judged]:
        yield from ask_all()  # nothing
        return judge(record, answer, facts)

    return run


def _equal(record: DnsRecord, answer: Answer, _facts: Facts) -> Judged:
    return Judged(record.value in answer.records)


def _mx(_record: DnsRecord, answer: Answer, facts: Facts) -> Judged:
    every = [mx for mx in answer.records if isinstance(mx, Mx)]
    if not any(mx.host == facts.hostname for mx in every):
        return Judged(is_ok=False)
    best = min(every).host
    note = "" if best == facts.hostname else f"mail goes to {best} first, and here only when that is away"
    return Judged(is_ok=True, advice=note)


def _spf(record: DnsRecord, answer: Answer, facts: Facts) -> Lookup[Judged]:
    """Right is what lets this host's addresses pass, however it says so."""
    records = tuple(one for one in _texts(answer) if one == b"v=spf1" or one.lower().startswith(b"v=spf1 "))
    if len(records) > 1:
        advice = "two SPF records count as a broken one: join them into one"
        return Judged(is_ok=False, advice=advice, relevant=records)
    if not records:
        return Judged(is_ok=False, relevant=())
    if not facts.addresses:
        return Judged(is_ok=True, advice=f"{facts.hostname} has no address yet, so nobody can say whether it passes")
    sender = f"postmaster@{record.name}"
    results = yield from together(
        *(check_spf(address, facts.hostname, sender, facts.hostname) for address in facts.addresses)
    )
    bad = [address for address, found in zip(facts.addresses, results, strict=True) if found.result != "pass"]
    advice = f"it does not let {', '.join(bad)} pass: add `a:{facts.hostname}` before `all`" if bad else ""
    return Judged(not bad, advice, records)


def _dkim(record: DnsRecord, answer: Answer, _facts: Facts) -> Judged:
    assert isinstance(record.value, bytes)
    wanted = _key(record.value)
    return Judged(any(_key(text) == wanted for text in _texts(answer)) and len(answer.records) == 1)


def _key(record: bytes) -> bytes:
    """The tag `p` of a key record, without the spaces that may stand in it."""
    for tag in record.split(b";"):
        name, _, value = tag.partition(b"=")
        if name.strip() == b"p":
            return b"".join(value.split())
    return b""


def _dmarc(_record: DnsRecord, answer: Answer, _facts: Facts) -> Judged:
    records = tuple(text for text in _texts(answer) if is_dmarc(text))
    if len(records) != 1:
        advice = "two DMARC records count as none: keep one" if records else ""
        return Judged(is_ok=False, advice=advice, relevant=records)
    policy = parse_dmarc_record(records[0])
    if policy is None or not policy.is_policy:
        return Judged(is_ok=False, relevant=records)
    notes = ["p=none only watches: forged mail is delivered"] if policy.policy == "none" else []
    notes += [] if policy.aggregate else ["without rua= nobody reports what others see of the domain"]
    return Judged(is_ok=True, advice="; ".join(notes), relevant=records)


def _mta_sts(record: DnsRecord, answer: Answer, facts: Facts) -> Lookup[Judged]:
    if record.type == "TXT":
        texts = _texts(answer)
        relevant = tuple(text for text in texts if text.startswith(b"v=STSv1"))
        assert isinstance(record.value, bytes)
        return Judged(read_record(texts) == read_record([record.value]), relevant=relevant)
    six = yield from ask(record.name, "AAAA")
    ours = set(facts.addresses)
    theirs = {*answer.texts(), *six.texts()}
    if not theirs:
        return Judged(is_ok=False)
    advice = "" if theirs & ours else "it leads to another host, which has to serve the policy in its stead"
    return Judged(is_ok=True, advice=advice)


def _tls_reports(_record: DnsRecord, answer: Answer, _facts: Facts) -> Judged:
    records = tuple(text for text in _texts(answer) if text.startswith(b"v=TLSRPTv1"))
    return Judged(len(records) == 1 and b"rua=" in records[0], relevant=records)


def _tlsa(record: DnsRecord, answer: Answer, facts: Facts) -> Judged:
    found = {one for one in answer.records if isinstance(one, Tlsa)}
    if not found:
        return Judged(is_ok=False)
    if not found & set(facts.tlsa):
        advice = "none of them is that of a certificate here: whoever checks DANE sends nothing. Replace them"
        return Judged(is_ok=False, advice=advice)
    if record.value not in found:
        return Judged(is_ok=False, relevant=())
    return Judged(is_ok=True, advice="" if answer.is_secure else "the zone is not signed, so nobody looks at it")


def _service(record: DnsRecord, answer: Answer, _facts: Facts) -> Judged:
    wanted = record.value
    assert isinstance(wanted, Srv)
    every = (one for one in answer.records if isinstance(one, Srv))
    return Judged(any((one.host, one.port) == (wanted.host, wanted.port) for one in every))


def _caa(record: DnsRecord, answer: Answer, facts: Facts) -> Judged:
    issuers = {one.value.partition(";")[0].strip() for one in answer.records if isinstance(one, Caa)}
    return Judged(record.value in answer.records or facts.issuer in issuers)


def _texts(answer: Answer) -> tuple[bytes, ...]:
    return tuple(one for one in answer.records if isinstance(one, bytes))


JUDGES: Mapping[Topic, Judge] = {
    Topic.HOST: _plain(_equal),
    Topic.REVERSE: _plain(_equal),
    Topic.MX: _plain(_mx),
    Topic.SPF: _spf,
    Topic.DKIM: _plain(_dkim),
    Topic.DMARC: _plain(_dmarc),
    Topic.MTA_STS: _mta_sts,
    Topic.TLS_REPORTS: _plain(_tls_reports),
    Topic.TLSA: _plain(_tlsa),
    Topic.SERVICE: _plain(_service),
    Topic.CAA: _plain(_caa),
}
