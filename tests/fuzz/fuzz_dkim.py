"""Throws octets at DKIM and ARC: tag lists, key records, signatures, sets, bodies: `python tests/fuzz/fuzz_dkim.py`.

Whatever comes in, verdicts come out, and words that RFC 8601 knows; nothing passes that was not signed by the key; what
is asked is bounded; a good signature stays good whatever the pieces in which the body came.
"""

import random
import sys
from collections.abc import Callable

from pillarbox.core.dns import Answer, Question, Status, drive
from pillarbox.formats.mailauth.arc import read_chain, verify_chain
from pillarbox.formats.mailauth.arc_seal import next_instance, seal
from pillarbox.formats.mailauth.dkim import MAX_SIGNATURES, read_signatures, read_signatures_of, verify_signatures
from pillarbox.formats.mailauth.dkim_sign import KeyAtSelector, sign
from pillarbox.formats.mailauth.key_record import BadKey, parse_key_record, verifies
from pillarbox.formats.mailauth.message_field import read_header
from pillarbox.formats.mailauth.signing_key import SigningKey
from pillarbox.formats.mailauth.tag_list import BadTagList, parse_tags

NOW = 1_700_000_000
RESULTS = {"pass", "fail", "neutral", "policy", "permerror", "temperror", "none"}
# The key of RFC 8032 §7.1, test 1.
KEY = KeyAtSelector(
    "example.org", "one", SigningKey("MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g")
)
RECORD = KEY.key.record().encode()
MESSAGE = b"From: Ada <ada@example.org>\r\nTo: bob@example.com\r\nSubject: Hello\r\n\r\nHi  there, \r\n\r\nAda\r\n"
# Pieces that mean something somewhere, to be put anywhere.
WORDS = [
    *(
        b";",
        b"=",
        b":",
        b"\r\n",
        b"\r\n ",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b"\0",
        b"\xff",
        b"\xc3\xa9",
        b",",
        b"|",
        b"@",
        b".",
    ),
    *(
        b"v=1;",
        b"b=",
        b"bh=",
        b"h=from:",
        b"l=0;",
        b"l=999999999;",
        b"i=1;",
        b"i=50;",
        b"i=51;",
        b"cv=fail;",
        b"cv=pass;",
    ),
    *(b"t=y", b"x=0;", b"s=two;", b"d=example.com;", b"c=simple;", b"a=rsa-sha256;", b"a=rsa-sha1;", b"p=;", b"k=rsa;"),
    *(
        b"ARC-Seal: ",
        b"ARC-Message-Signature: ",
        b"ARC-Authentication-Results: i=2;",
        b"DKIM-Signature: ",
        b"From: x\r\n",
    ),
    *(b"\r\n\r\n", b"A" * 500, b"=" * 50, b";" * 120, b":" * 1200),
]


def mutate(data: bytes, chance: random.Random) -> bytes:
    """The octets with a few changes: something put in, taken out, doubled or exchanged."""
    for _ in range(chance.randint(1, 4)):
        at, to = sorted(chance.randrange(len(data) + 1) for _ in range(2))
        to = min(to, at + 40)
        piece = data[at:to]
        new = chance.choice([b"", piece * 2, chance.choice(WORDS), bytes([chance.randrange(256)]), piece.swapcase()])
        data = data[:at] + new + data[to:]
    return data


def answer_by(record: bytes) -> Callable[[Question], Answer]:
    """A DNS in which every name has the record."""
    return lambda _question: Answer(Status.FOUND, (record,))


def tags(chance: random.Random) -> None:
    """A tag list is read or refused; what was read has the names in it."""
    value = mutate(sign(MESSAGE, [KEY], NOW).partition(b":")[2], chance)
    try:
        found = parse_tags(value)
    except BadTagList:
        return
    assert all(name.encode() in value and "\n" not in text and "\0" not in text for name, text in found.items())


def record(chance: random.Random) -> None:
    """No record makes a key that takes any signature."""
    try:
        key = parse_key_record(mutate(RECORD, chance))
        assert not verifies(key, b"x" * 32, b"y" * 64)
    except BadKey:
        return


def signatures(chance: random.Random) -> None:
    """What was changed in what is signed never passes; what passes is told as the domain that it is of."""
    good = sign(MESSAGE, [KEY], NOW)
    field = mutate(good, chance)
    message = field * chance.choice([1, 1, 1, 30]) + (MESSAGE if chance.random() < 0.5 else mutate(MESSAGE, chance))
    found = read_signatures(message)
    assert len(found) <= MAX_SIGNATURES + 1
    key = RECORD if chance.random() < 0.7 else mutate(RECORD, chance)
    for verdict in drive(verify_signatures(found, NOW), answer_by(key)):
        assert verdict.result in RESULTS
        if verdict.result == "pass":
            assert verdict.value("header.d") == "example.org"
            body = message[read_header(message).body_start :]
            assert body.replace(b"\r", b"").split() == MESSAGE.partition(b"\r\n\r\n")[2].split()


def pieces(chance: random.Random) -> None:
    """A signed body verifies in whatever pieces it comes."""
    body = b"".join(chance.choice(WORDS) for _ in range(chance.randint(0, 30)))
    message = MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body
    message = sign(message, [KEY], NOW) + message
    header = read_header(message)
    edges = sorted(chance.randrange(header.body_start, len(message) + 1) for _ in range(5))
    cut = [message[start:end] for start, end in zip([header.body_start, *edges], [*edges, len(message)], strict=True)]
    (verdict,) = drive(verify_signatures(read_signatures_of(header, cut), NOW), answer_by(RECORD))
    assert verdict.result == "pass", message


def chains(chance: random.Random) -> None:
    """A chain that was changed in what is sealed does not pass; whatever a chain is, it is sealed or left alone."""
    message = MESSAGE
    for _ in range(chance.randint(1, 3)):
        message = sealed(message)
    changed = mutate(message, chance)
    chain = read_chain(changed)
    verdict = drive(verify_chain(chain), answer_by(RECORD))
    assert verdict.result in {"none", "pass", "fail"}
    if verdict.result == "pass":
        assert set(chain.sealers) == {"example.org"}
    again = drive(verify_chain(read_chain(sealed(changed))), answer_by(RECORD))
    assert again.result in ({"pass"} if verdict.result == "pass" else {"pass", "fail", "none"})


def sealed(message: bytes) -> bytes:
    """The message with another set."""
    chain = read_chain(message)
    result = drive(verify_chain(chain), answer_by(RECORD)).result
    field = f"ARC-Authentication-Results: i={next_instance(chain)}; mx.example.org; arc={result}\r\n".encode()
    return seal(message, chain, result, field, KEY, NOW) + message


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    for _ in range(rounds):
        for check in (tags, record, signatures, pieces, chains):
            check(chance)


if __name__ == "__main__":
    main(*(int(word) for word in [*sys.argv[1:], "10000", "1"][:2]))
