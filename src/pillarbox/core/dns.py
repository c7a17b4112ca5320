"""Questions to the DNS and their answers, and how code that waits for nothing asks them.

What needs answers to go on (SPF, DKIM, the choice of an MX) is a generator, a `Lookup`: it yields the questions that it
has now, and is sent an answer for each. `net/dns` drives it; a test drives it with a table.

Sections: RFC 1035 §3.2, RFC 4035 §3.2.3 (AD), RFC 2308 §2.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from enum import Enum
from typing import Any, TypeAlias, TypeVar

import msgspec

T = TypeVar("T")


class Status(Enum):
    """How a question was answered. A timeout, SERVFAIL and a signature that does not verify are all FAILED."""

    FOUND = "found"
    NO_DATA = "the name has no record of this type"
    NO_NAME = "there is no such name"
    FAILED = "no answer that can be relied on"


class Question(msgspec.Struct, frozen=True):
    """A name, as A-labels in lower case without the final dot, and a type such as `MX`."""

    name: str
    type: str


class Mx(msgspec.Struct, frozen=True, order=True):
    """A mail exchange; the host "" is the null MX (RFC 7505)."""

    preference: int
    host: str


class Tlsa(msgspec.Struct, frozen=True):
    """What a certificate must match (RFC 6698 §2.1)."""

    usage: int
    selector: int
    matching: int
    data: bytes


class Srv(msgspec.Struct, frozen=True):
    """Where a service is (RFC 2782)."""

    priority: int
    weight: int
    port: int
    host: str


class Caa(msgspec.Struct, frozen=True):
    """Who may issue certificates (RFC 8659 §4.1)."""

    flags: int
    tag: str
    value: str


# A, AAAA, PTR, CNAME, NS: text. TXT: the octets of all its strings, joined.
Record: TypeAlias = str | bytes | Mx | Tlsa | Srv | Caa


class Answer(msgspec.Struct, frozen=True):
    """The records of the type asked for, after CNAMEs were followed. `ttl` in seconds.

    `is_secure` says that a resolver that we trust has validated the whole chain, of a negative answer too.
    """

    status: Status
    records: tuple[Record, ...] = ()
    is_secure: bool = False
    ttl: int = 0
    canonical_name: str = ""  # where CNAMEs led; "" when there were none

    def texts(self) -> tuple[str, ...]:
        """The records that are text."""
        return tuple(record for record in self.records if isinstance(record, str))


Lookup: TypeAlias = Generator[tuple[Question, ...], tuple[Answer, ...], T]


def ask(name: str, type: str) -> Lookup[Answer]:
    """A lookup of a single question; its result is the answer."""
    (answer,) = yield (Question(name, type),)
    return answer


def ask_all(*questions: Question) -> Lookup[tuple[Answer, ...]]:
    """Several questions, asked at the same time."""
    return (yield questions) if questions else ()


def together(*lookups: Lookup[Any]) -> Lookup[tuple[Any, ...]]:
    """Several lookups side by side: what each has to ask now is asked at the same time. Their results in order.

    An exception of one ends them all.
    """
    results: list[Any] = [None] * len(lookups)
    waiting: dict[int, tuple[Question, ...]] = {}

    def go_on(index: int, answers: tuple[Answer, ...] | None) -> None:
        lookup = lookups[index]
        try:
            waiting[index] = next(lookup) if answers is None else lookup.send(answers)
        except StopIteration as end:
            results[index] = end.value

    try:
        for index in range(len(lookups)):
            go_on(index, None)
        while waiting:
            asked, waiting = waiting, {}
            answers = yield tuple(question for questions in asked.values() for question in questions)
            at = 0
            for index, questions in asked.items():
                go_on(index, answers[at : at + len(questions)])
                at += len(questions)
    finally:
        for lookup in lookups:
            lookup.close()
    return tuple(results)


def drive(lookup: Lookup[T], answer: Callable[[Question], Answer]) -> T:
    """Run a lookup to its end with answers that are there at once, as in tests and from a cache."""
    try:
        questions = next(lookup)
        while True:
            questions = lookup.send(tuple(answer(question) for question in questions))
    except StopIteration as end:
        result: T = end.value
        return result
