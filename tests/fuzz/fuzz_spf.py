"""SPF on damaged records and senders: it ends, asks a bounded number of sensible questions, and never raises."""

import random

from pillarbox.core.dns import Answer, Mx, Question, Record, Status, drive
from pillarbox.formats.mailauth.domain import MAX_LENGTH
from pillarbox.formats.mailauth.spf import check_spf

_PIECES = [
    *b"""v=spf1 . all -all include: redirect= exp= a a: mx mx: ptr exists: ip4:192.0.2.1 ip6:::1 /24 //64 / %{s}
    %{l3r-+} %{p} %{d2} %{H} %% %_ % %{i} a.example .b.example example.org \xff x= : ~ ? + 1""".split(),
    b" ",
    b"%{o}." * 40,
]
_SIGNS = 'ab.@-_%{}"\\ \t\r\n\x00é漢'
_RESULTS = {"none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"}
# Ten terms of ten names each, with a question for the names, PTR, and the explanation.
_MAX_QUESTIONS = 150


def record(chance: random.Random) -> bytes:
    octets = bytearray(b"v=spf1 " + b"".join(chance.choices(_PIECES, k=chance.randrange(14))))
    for _ in range(chance.randrange(3)):
        octets[chance.randrange(len(octets))] = chance.randrange(256)
    return bytes(octets)


def answer(chance: random.Random, question: Question) -> Answer:
    assert len(question.name) <= MAX_LENGTH
    assert question.name.isascii()
    records: list[Record] = []
    for _ in range(chance.choice([0, 1, 1, 1, 2, 12])):
        match question.type:
            case "TXT":
                records = [record(chance)]
            case "A":
                records.append(chance.choice(["192.0.2.1", "198.51.100.1"]))
            case "AAAA":
                records.append("2001:db8::1")
            case "MX":
                records.append(Mx(chance.randrange(9), chance.choice(["", "mx.example.org", "x" * 80])))
            case _:
                records.append(chance.choice(["a.example.org", "", "é.example", "x" * 80 + ".example"]))
    status = Status.FOUND if records else chance.choice([Status.NO_NAME, Status.NO_DATA, Status.FAILED])
    return Answer(status, tuple(records))


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    for _ in range(rounds):
        asked = 0

        def counted(question: Question) -> Answer:
            nonlocal asked
            asked += 1
            return answer(chance, question)

        sender = "".join(chance.choices(_SIGNS, k=chance.randrange(9))) + "@example.org"
        helo = "".join(chance.choices(_SIGNS, k=chance.randrange(9))) + ".example.org"
        client = chance.choice(["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"])
        found = drive(check_spf(client, helo, chance.choice([sender, ""]), "mx.example.com", 1), counted)
        assert found.result in _RESULTS
        assert asked <= _MAX_QUESTIONS, asked
        assert found.explanation is None or (found.explanation.isprintable() and len(found.explanation) <= 400)
