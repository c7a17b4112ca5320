"""What a domain publishes, compared with what it needs: each finding says what is there, what should be, what to do.

Others' additions are left in peace: a record is right when it does what is needed, not when it is the one that we would
have written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum

import msgspec

from pillarbox.core.dns import Answer, Lookup, Question, Record, Status, ask, ask_all
from pillarbox.services.dns_judge import JUDGES, Judged
from pillarbox.services.dns_record import DnsRecord, Facts, Topic, records_of
from pillarbox.services.dns_record_text import value_text


class State(Enum):
    """How a record fares."""

    OK = "ok"
    WRONG = "wrong"
    MISSING = "missing"
    UNKNOWN = "unknown"  # the DNS did not answer
    ADVICE = "advice"  # it is missing, and mail works nevertheless


class Finding(msgspec.Struct, frozen=True, rename="camel"):
    """What was found of one record, in words of a zone file. `advice` is empty where nothing is to be done."""

    topic: str
    name: str
    type: str
    state: State
    expected: str
    found: tuple[str, ...] = ()
    advice: str = ""


_SIGNED = "arpa"  # a zone that is signed, to see whether the resolver says so
_NO_ADDRESS = DnsRecord(topic=Topic.HOST, name="", type="A", value="the address of this server")


def checks(facts: Facts) -> Iterator[tuple[DnsRecord, Lookup[Finding]]]:
    """A check for each record; they depend on nothing of each other, and may run side by side."""
    if not facts.addresses:
        yield _NO_ADDRESS, _check(msgspec.structs.replace(_NO_ADDRESS, name=facts.hostname), facts)
    for record in records_of(facts):
        yield record, _check(record, facts)
    yield _NO_ADDRESS, _check_signing(facts)


def _check_signing(facts: Facts) -> Lookup[Finding]:
    """Whether DNSSEC protects the domain. It may be left out; DANE does not work without (RFC 7672 §2.2)."""
    domain, known = yield from ask_all(Question(facts.domain, "SOA"), Question(_SIGNED, "SOA"))
    state, advice = State.ADVICE, "sign the zone, if you want others to use DANE"
    if domain.is_secure:
        state, advice = State.OK, ""
    elif not known.is_secure:
        advice = "the resolver that was asked does not validate, or is not trusted: see dns.servers and dns.trust_ad"
    return Finding("dnssec", facts.domain, "DS", state, "a signed zone", advice=advice)


def is_bad(findings: Sequence[Finding]) -> bool:
    """Whether anything has to be done."""
    return any(finding.state in (State.WRONG, State.MISSING, State.UNKNOWN) for finding in findings)


def _check(record: DnsRecord, facts: Facts) -> Lookup[Finding]:
    expected = value_text(record.value, record.type)
    # An address behind a CNAME is as good as a CNAME that is written as an address.
    type = "A" if record.topic is Topic.MTA_STS and record.type == "CNAME" else record.type
    answer = yield from ask(record.name, type)
    found = tuple(value_text(one, type) for one in answer.records)
    if answer.status is Status.FAILED:
        advice = "the resolver gave no answer; if DNSSEC is broken, nobody gets one"
        return Finding(record.topic.value, record.name, record.type, State.UNKNOWN, expected, advice=advice)
    judged: Judged = yield from JUDGES[record.topic](record, answer, facts)
    state = _state(record, answer, judged)
    advice = judged.advice or ("" if judged.is_ok else _advice(record, state, expected))
    return Finding(record.topic.value, record.name, record.type, state, expected, found, advice)


def _state(record: DnsRecord, answer: Answer, judged: Judged) -> State:
    if judged.is_ok:
        return State.OK
    relevant: Sequence[Record] = judged.relevant if judged.relevant is not None else answer.records
    if relevant:
        return State.WRONG
    return State.ADVICE if record.is_optional else State.MISSING


def _advice(record: DnsRecord, state: State, expected: str) -> str:
    act = "replace it by" if state is State.WRONG else "add"
    note = f" ({record.note})" if record.note else ""
    return f"{act} {record.name}. {record.type} {expected}{note}"
