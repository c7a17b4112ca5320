"""Mutated answers of a filter: however they are divided, they mean the same, and no field escapes its line."""

from __future__ import annotations

import random

from pillarbox.wire.milter.answer import AddField, ChangeField
from pillarbox.wire.milter.conversation import Conversation, Outcome
from pillarbox.wire.milter.option import Action
from pillarbox.wire.milter.packet import MilterError, packet_to_bytes
from pillarbox.wire.reader import EndOfInput

_OFFER = packet_to_bytes(b"O", (6).to_bytes(4, "big") + int(sum(Action)).to_bytes(4, "big") + bytes(4))
_SEEDS = [
    packet_to_bytes(b"c"),
    packet_to_bytes(b"p"),
    packet_to_bytes(b"h", b"X-Spam\0 yes\n\tvery\0"),
    packet_to_bytes(b"i", bytes(4) + b"Received\0 by here\r\n with love\0"),
    packet_to_bytes(b"m", (1).to_bytes(4, "big") + b"Subject\0\0"),
    packet_to_bytes(b"+", b"<a@example.org>\0"),
    packet_to_bytes(b"e", b"<>\0SIZE=1\0"),
    packet_to_bytes(b"b", b"body\r\n"),
    packet_to_bytes(b"q", b"odd\0"),
    packet_to_bytes(b"y", b"550 5.7.1 No\0"),
    packet_to_bytes(b"r"),
]
_NOISE = [b"\0", b"\r\n", b"\n", b"\x00\x00\x00\x01", b"\xff", b"c", b"X-A\0", b":"]


def stream(chance: random.Random) -> bytes:
    """Answers to an offer, two header fields, their end, a body and the end; some damaged."""
    answers = bytearray(_OFFER + _SEEDS[0] * 4 + b"".join(chance.choices(_SEEDS, k=chance.randrange(1, 8))))
    for _ in range(chance.choice([0, 0, 1, 2, 6])):
        at = chance.randrange(len(answers))
        answers[at : at + chance.choice([0, 1, 3])] = chance.choice(_NOISE)
    return bytes(answers)


def outcome(octets: bytes, sizes: list[int]) -> Outcome | str:
    """What the filter is understood to say about a message."""
    talk = Conversation(max_body=200)
    left, pieces = octets, iter(sizes)
    exchanges = (
        talk.negotiate(),
        talk.message([(b"From", b" a@example.org"), (b"Subject", b" x")], [b"hello\r\n"], {"i": "1"}),
    )
    result: Outcome | None = None
    try:
        for exchange in exchanges:
            while True:
                try:
                    next(exchange)
                except StopIteration as end:
                    result = end.value
                    break
                size = next(pieces, 0) or len(left)
                talk.receive_data(left[:size])
                left = left[size:]
    except (MilterError, EndOfInput) as error:
        return f"{type(error).__name__} {error}"
    assert result is not None
    return result


def check(chance: random.Random) -> None:
    """One round."""
    octets = stream(chance)
    whole = outcome(octets, [])
    assert outcome(octets, [1] * len(octets)) == whole, octets
    assert outcome(octets, [chance.randrange(1, 9) for _ in octets]) == whole, octets
    if isinstance(whole, Outcome):
        for change in whole.changes:
            if isinstance(change, AddField | ChangeField):
                assert not {*b"\r\n: \0"} & {*change.name}, octets
                lines = change.value.split(b"\r\n")
                assert all(line[:1] in (b" ", b"\t") and line.strip() for line in lines[1:]), octets
                assert not any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines), octets


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    for _ in range(rounds):
        check(chance)
