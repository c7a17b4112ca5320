"""Numbers above a limit are found by their ranks, however they are spread."""

from __future__ import annotations

import random

import pytest

from pillarbox.servers.imap.ranked import Ranked


def spread(chance: random.Random, kind: str, count: int) -> list[int]:
    if kind == "alike":
        return [chance.choice((5, 5, 5, 5, 6, 900)) for _ in range(count)]
    if kind == "rising":
        return sorted(chance.randrange(-(1 << 40), 1 << 40) for _ in range(count))
    return [chance.randrange(1_000) for _ in range(count)]


@pytest.mark.parametrize("kind", ["alike", "rising", "few"])
@pytest.mark.parametrize("count", [0, 1, 2, 255, 256, 257, 2_000])
def test_those_at_or_above_a_limit_are_found(kind: str, count: int) -> None:
    chance = random.Random(count)
    values = spread(chance, kind, count)
    column = Ranked.of(values)
    for limit in [-(1 << 70), 1 << 70, 0, 5, 6, *(value + chance.randrange(-1, 2) for value in values[:200])]:
        assert column.at_least(limit) == bytes(value >= limit for value in values), limit


@pytest.mark.parametrize("kind", ["alike", "rising", "few"])
def test_numbers_go_and_come(kind: str) -> None:
    chance = random.Random(kind)
    values = spread(chance, kind, 500)
    column = Ranked.of(values)
    for _ in range(60):
        before = column, list(values)
        gone = sorted(chance.sample(range(len(values)), chance.randrange(9)))
        new = spread(chance, chance.choice(("alike", "rising", kind)), chance.choice((0, 1, 20)))
        values = [value for at, value in enumerate(values) if at not in gone] + new
        column = column.changed(gone, new)
        for limit in chance.sample(values, 20):
            assert column.at_least(limit) == bytes(value >= limit for value in values)
            assert before[0].at_least(limit) == bytes(value >= limit for value in before[1])
