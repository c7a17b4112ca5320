"""Broken MTA-STS records and policies: they are refused, or what is read of them can be written and read again."""

from __future__ import annotations

import contextlib
import random

from pillarbox.formats.mta_sts import StsError, parse_policy, policy_to_bytes, read_record

_WORDS = [
    *("version: STSv1", "mode: enforce", "mode: testing", "mode: none", "max_age: 604800", "max_age: 0"),
    *("mx: mail.example.org", "mx: *.example.net", "mx: mäil.example.org", "mx: *", "v=STSv1", "id=1"),
    *(": ", "x:y", ";", "=", " "),
]


def check(chance: random.Random) -> None:
    """One round."""
    octets = bytearray(
        chance.choice(["\r\n", "\n", ";", ""]).join(chance.choices(_WORDS, k=chance.randrange(12))).encode()
    )
    for _ in range(chance.choice([0, 0, 1, 3])):
        if octets:
            octets[chance.randrange(len(octets))] = chance.randrange(256)
    with contextlib.suppress(StsError):
        policy = parse_policy(bytes(octets))
        assert parse_policy(policy_to_bytes(policy)) == policy, octets
    id = read_record([bytes(octets)])
    assert id is None or (id.isascii() and id.isalnum() and len(id) <= 32), octets


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    for _ in range(rounds):
        check(chance)
