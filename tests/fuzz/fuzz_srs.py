"""Rewritten reverse-paths: what was made is read back, also after others rewrote it, and nothing else is believed."""

import random

from pillarbox.formats.srs import original, rewrite

_DAY_MS = 86_400_000
_PIECES = [
    "SRS0", "srs1", "SRS0=", "=", "==", "+", "-", "kept", "a", "Z", "7", "aaaaaaaa", "far.test", "@", ".", "\n",
    "\u00e9", "\u0130", "\0", "\ud800",
]  # fmt: skip


def text(chance: random.Random) -> str:
    return "".join(chance.choices(_PIECES, k=chance.randrange(10)))


def check(chance: random.Random) -> None:
    key, other = chance.randbytes(32), chance.randbytes(32)
    now = chance.randrange(4_000) * _DAY_MS
    assert original(text(chance), [key], now, 21) is None
    local, domain = text(chance), f"d{chance.randrange(9)}.test"
    made = rewrite(local, domain, key, now)
    assert original(made, [other], now, 21) is None
    found = original(made, [other, key], now + chance.randrange(21) * _DAY_MS, 21)
    if made.startswith("SRS0") and local:
        assert found == (local, domain), made
    elif found is not None:
        assert found[0].startswith("SRS0"), made
    if made.startswith("SRS0") and local:
        again = rewrite(made, "next.test", other, now)
        assert original(again, [other], now, 21) == (made, "next.test")
    place = chance.randrange(len(made))
    broken = made[:place] + chance.choice("abcxyz=@") + made[place + 1 :]
    if broken.casefold() != made.casefold() and not (made[4] == "=" and place == 4):
        assert original(broken, [key], now, 21) is None, (made, broken)


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    for _ in range(rounds):
        check(chance)
