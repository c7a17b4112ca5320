"""Random frames: however the octets are divided, the same messages come out, and the same failure."""

from __future__ import annotations

import random

from pillarbox.wire.websocket.deflate import Deflate
from pillarbox.wire.websocket.frame import CloseCode, Failure
from pillarbox.wire.websocket.receiver import Event, Receiver
from tests.wire.websocket.client_frame import masked

_LIMIT = 2_000
_OPCODES = [0, 0, 1, 1, 1, 2, 8, 9, 10, 3]


def stream(chance: random.Random) -> bytes:
    """Frames in an order that is often sensible, with noise in between."""
    out = bytearray()
    for _ in range(chance.randrange(1, 12)):
        payload = bytes(chance.choices(b'abc{}[]"', k=chance.choice([0, 5, 125, 126, 900])))
        rsv = 0
        if chance.random() < 0.3:
            payload, rsv = Deflate().compress(payload), 0x40
        out += masked(chance.choice(_OPCODES), payload, fin=chance.random() < 0.7, rsv=rsv)
    for _ in range(chance.choice([0, 0, 1, 3])):
        out[chance.randrange(len(out))] = chance.randrange(256)
    return bytes(out)


def outcome(octets: bytes, pieces: list[int]) -> tuple[list[Event], CloseCode | None]:
    """What is heard, and how it fails."""
    receiver, events, at = Receiver(_LIMIT, deflates=True), list[Event](), 0
    try:
        for size in [*pieces, len(octets)]:
            for event in receiver.receive(octets[at : at + size]):
                events.append(event)
            at += size
            assert receiver.held <= _LIMIT + len(octets)
    except Failure as failure:
        return events, failure.code
    return events, None


def check(chance: random.Random) -> None:
    """One round; raises AssertionError when a division of the input changes the outcome."""
    octets = stream(chance)
    whole = outcome(octets, [])
    assert outcome(octets, [1] * len(octets)) == whole, octets
    assert outcome(octets, [chance.randrange(1, 60) for _ in octets]) == whole, octets


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    for _ in range(rounds):
        check(chance)
