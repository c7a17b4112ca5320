"""Where a domain's policy stands, and which domain it belongs to: the walk up the tree of the DNS.

All names of a walk are asked for at the same time; what an answer is worth is decided in the walk's order.

Sections: RFC 9989 §3.2.14, §4.10.
"""

from __future__ import annotations

import msgspec

from pillarbox.core.dns import Answer, Lookup, Question, Status, ask_all
from pillarbox.formats.mailauth.dmarc_record import DmarcRecord, is_dmarc, parse_dmarc_record
from pillarbox.formats.mailauth.domain import MAX_LENGTH

MAX_LABELS = 8
_PREFIX = "_dmarc."


class Walk(msgspec.Struct, frozen=True):
    """What a walk found: records by name, from the longest name to the shortest.

    `organizational` is the Organizational Domain. `is_certain` is False when an answer was missing that could have
    changed it.
    """

    domain: str
    records: tuple[tuple[str, DmarcRecord], ...]
    organizational: str
    is_certain: bool = True

    def policy(self) -> tuple[str, DmarcRecord] | None:
        """The record that applies to the domain (§4.10.1): its own, its organization's, that of the public suffix.

        A walk finds a record above the organization only if that says that it is a public suffix's.
        """
        found = dict(self.records)
        suffix = self.organizational.partition(".")[2]
        for name in (self.domain, self.organizational, suffix):
            record = found.get(name)
            if record is not None:
                return name, record
        return None


class Walks:
    """The walks of one message, each name asked for once."""

    __slots__ = ("answers",)

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}

    def walk(self, domain: str) -> Lookup[Walk]:
        """Look for records at a domain, as `to_ascii` gives it, and above it (§4.10)."""
        names = names_of_walk(domain)
        wanted = [name for name in names if name not in self.answers]
        answers = yield from ask_all(*(Question(_PREFIX + name, "TXT") for name in wanted))
        self.answers.update(zip(wanted, answers, strict=True))
        records: list[tuple[str, DmarcRecord]] = []
        is_certain = True
        for name in names:
            record = _record(self.answers[name])
            is_certain = is_certain and self.answers[name].status is not Status.FAILED
            if record is not None:
                records.append((name, record))
                if record.psd != "u":
                    break
        return Walk(domain, tuple(records), _organizational(domain, records), is_certain)

    def exists(self, domain: str) -> bool:
        """Whether an answer of a walk shows that a name exists."""
        answer = self.answers.get(domain)
        return answer is not None and answer.status in (Status.FOUND, Status.NO_DATA)


def names_of_walk(domain: str) -> list[str]:
    """The names at which a walk looks, at most eight: from nine labels on, the next after the first has seven."""
    labels = domain.split(".")
    starts = range(max(1, len(labels) - MAX_LABELS + 1), len(labels))
    names = [domain, *(".".join(labels[start:]) for start in starts)]
    return [name for name in names if len(_PREFIX) + len(name) <= MAX_LENGTH]


def _record(answer: Answer) -> DmarcRecord | None:
    """The one record of a name: "If multiple DMARC Policy Records are returned ... they are all discarded"."""
    found = [octets for octets in answer.records if isinstance(octets, bytes) and is_dmarc(octets)]
    return parse_dmarc_record(found[0]) if len(found) == 1 else None


def _organizational(domain: str, records: list[tuple[str, DmarcRecord]]) -> str:
    """§4.10.2: of "psd=n", below "psd=y", else the shortest name with a record, else the domain itself."""
    for name, record in records:
        if record.psd == "n":
            return name
        if record.psd == "y" and name != domain:
            return ".".join(domain.split(".")[-name.count(".") - 2 :])
    return records[-1][0] if records else domain
