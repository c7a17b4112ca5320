"""Throws messages at what makes them seven bits: `python tests/fuzz/fuzz_seven_bit.py [rounds] [seed]`.

What comes out is plain, is structured as before, and holds the same content in every part.
"""

import random
import sys

from pillarbox.formats.message.body import decode_octets
from pillarbox.formats.message.scan import scan
from pillarbox.formats.message.seven_bit import is_plain, seven_bit
from pillarbox.formats.message.structure import Structure
from tests.fuzz.fuzz_message import mutate, seeds

_HIGH = (b"\xff", b"\xc3\xa9", b"\xe2\x82\xac\r\n", b"\r\n--b\xe9", b"Content-Transfer-Encoding: binary\r\n", b"\0")


def check(data: bytes) -> bool:
    """Whether the message could be changed. Raises when what came of it is wrong."""
    changed = seven_bit(data)
    if changed is None:
        return False
    assert is_plain(changed), data
    before, after = scan(data), scan(changed)
    assert _shape(before) == _shape(after), (data, changed)
    for one, other in zip(before.leaves(), after.leaves(), strict=True):
        if one.type == "message/rfc822":
            check(data[one.body_start : one.body_end])
            continue
        assert decode_octets(data, one).rstrip(b"\r\n") == decode_octets(changed, other).rstrip(b"\r\n"), (
            data,
            changed,
        )
    assert seven_bit(changed) == changed
    return True


def _shape(structure: Structure) -> list[tuple[str, int, str | None]]:
    return [(part.type, len(part.sub_parts), part.name) for part in structure.parts()]


def main(rounds: int = 1_000, seed: int | None = None) -> int:
    """How many of the messages could be changed."""
    chance, known = random.Random(seed), seeds()
    count = 0
    for _ in range(rounds):
        data = bytearray(chance.choice(known))
        for _ in range(chance.randint(0, 3)):
            at = chance.randrange(len(data) + 1)
            data[at:at] = chance.choice(_HIGH)
        count += check(mutate(bytes(data), chance) if chance.random() < 0.5 else bytes(data))
    return count


if __name__ == "__main__":
    print(main(*map(int, sys.argv[1:])))
