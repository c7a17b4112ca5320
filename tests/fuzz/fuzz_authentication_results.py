"""Authentication-Results and Received-SPF: damaged ones are read without an exception, and what we write is read back.

No text, wherever it comes from, changes which results a field that we write has.
"""

import random

from pillarbox.formats.mailauth.authentication_results import parse_results, remove_forged, results_to_bytes
from pillarbox.formats.mailauth.received_spf import parse_received_spf, received_spf_to_bytes
from pillarbox.formats.mailauth.spf import SpfResult
from pillarbox.formats.mailauth.verdict import Verdict

_PIECES = [
    *b"; = . ( ) \\ dkim spf pass fail =pass header.d reason smtp.mailfrom mx.example.com /1 @ none a.b=c \xff".split(),
    *[b'"', b" ", b"\r\n ", b"\r\n", b"\n", b"\x00", "é".encode(), b'"a b"@x'],
]


def text(chance: random.Random) -> bytes:
    return b"".join(chance.choices(_PIECES, k=chance.randrange(20)))


def check(chance: random.Random) -> None:
    parse_results(text(chance))
    parse_received_spf(b"pass " + text(chance))
    message = b"Authentication-Results:" + text(chance) + b"\r\n\r\nbody " + text(chance)
    cleaned = remove_forged(message, ["mx.example.com"])
    assert remove_forged(cleaned, ["mx.example.com"]) == cleaned
    said = [text(chance).decode("utf-8", "replace") for _ in range(3)]
    verdicts = [Verdict("dkim", "fail", said[0] or None, (("header.d", said[1]),)), Verdict("spf", "none", None)]
    is_utf8 = chance.random() < 0.5
    octets = results_to_bytes(said[2], verdicts, is_utf8=is_utf8)
    read = parse_results(octets.partition(b":")[2])
    assert read is not None
    assert [(verdict.method, verdict.result) for verdict in read.verdicts] == [("dkim", "fail"), ("spf", "none")], (
        octets
    )
    assert [name for name, _ in read.verdicts[0].properties] == ["header.d"], octets
    one_field(octets)
    found = SpfResult("softfail", said[0], "mailfrom", said[1], None, said[2])
    octets = received_spf_to_bytes(found, address=said[0], helo=said[1], mail_from=said[2], receiver="r")
    received = parse_received_spf(octets.partition(b":")[2])
    assert received is not None
    assert (received.result, received.pairs["identity"]) == ("softfail", "mailfrom"), octets
    one_field(octets)


def one_field(octets: bytes) -> None:
    lines = octets.split(b"\r\n")
    assert lines.pop() == b""
    assert all(line.startswith(b" ") for line in lines[1:]), octets
    assert not any(b"\n" in line or b"\r" in line or b"\0" in line for line in lines), octets


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    for _ in range(rounds):
        check(chance)
