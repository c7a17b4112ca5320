"""Random headers of the PROXY protocol: read, waited for, or refused; never anything else."""

from __future__ import annotations

import random

from pillarbox.wire.proxy.header import MOST_OCTETS, NotProxy, parse_header
from tests.wire.proxy.test_header import GOOD


def check(chance: random.Random) -> None:
    """One round; raises AssertionError for an answer that cannot be."""
    octets = bytearray(chance.choice(GOOD)[0] + chance.randbytes(chance.randrange(40)))
    for _ in range(chance.randrange(4)):
        octets[chance.randrange(len(octets))] = chance.randrange(256)
    data = bytes(octets[: chance.randrange(len(octets) + 1)])
    try:
        header = parse_header(data)
    except NotProxy:
        return
    if header is None:
        assert len(data) < MOST_OCTETS
        return
    assert 0 < header.size <= len(data)
    assert parse_header(data[: header.size]) == header
    assert (header.source is None) == (header.destination is None)


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    for _ in range(rounds):
        check(chance)
