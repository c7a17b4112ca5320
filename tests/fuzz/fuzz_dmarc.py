"""DMARC on damaged records, names and From fields: bounded questions, a known outcome, and never an exception."""

import random

from pillarbox.core.dns import Answer, Lookup, Question, Status, drive
from pillarbox.formats.mailauth.author import Author, find_author
from pillarbox.formats.mailauth.dmarc import DmarcOutcome, discover, evaluate
from pillarbox.formats.mailauth.spf import SpfResult
from pillarbox.formats.mailauth.verdict import Verdict
from pillarbox.formats.message.scan import scan

_TAGS = b"""p=reject p=none p=x sp=none np=reject psd=y psd=n t=y adkim=s aspf=s pct=0 pct=-1 fo=1:d
    rua=mailto:a@b.example!9k rua= = ;""".split()
_NAMES = [
    "example.org",
    "a.example.org",
    "b.a.example.org",
    "example.net",
    "a" * 70,
    "é.example",
    "x" * 60 + ".example.org",
    "..",
    "",
]
_FROM = [
    b"From: ",
    b"a@example.org",
    b"<",
    b">",
    b",",
    b'"',
    b"(",
    b")",
    b":",
    b";",
    b"b@a.example.org",
    b"\r\n ",
    b"=?utf-8?q?a=40b?=",
    b"\r\nFrom:",
    b"\xff",
    b"@",
]
_MAX_QUESTIONS = 8 * 5 + 8 * 5 * 11 + 5


def record(chance: random.Random) -> bytes:
    octets = bytearray(b"v=DMARC1; " + b"; ".join(chance.choices(_TAGS, k=chance.randrange(5))))
    if chance.random() < 0.2:
        octets[chance.randrange(len(octets))] = chance.randrange(256)
    return bytes(octets)


def check(author: Author, sender: SpfResult, signatures: list[Verdict]) -> Lookup[DmarcOutcome]:
    return (yield from evaluate((yield from discover(author)), sender, signatures))


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    for _ in range(rounds):
        asked = 0

        def answer(question: Question) -> Answer:
            nonlocal asked
            asked += 1
            assert len(question.name) <= 253
            assert question.name.isascii()
            if chance.random() < 0.5:
                return Answer(chance.choice([Status.NO_NAME, Status.NO_DATA, Status.FAILED]))
            return Answer(Status.FOUND, tuple(record(chance) for _ in range(chance.choice([1, 1, 1, 2]))))

        header = b"From: " + b"".join(chance.choices(_FROM, k=chance.randrange(9))) + b"\r\n\r\n"
        author = find_author(header, scan(header).root.fields)
        sender = SpfResult(chance.choice(["pass", "temperror"]), chance.choice(_NAMES), "mailfrom")
        signatures = [Verdict("dkim", "pass", properties=(("header.d", name),)) for name in chance.choices(_NAMES, k=3)]

        found = drive(check(author, sender, signatures), answer)
        assert found.result in {"pass", "fail", "none", "temperror", "permerror"}
        assert found.disposition in {"none", "quarantine", "reject"}
        assert asked <= _MAX_QUESTIONS
