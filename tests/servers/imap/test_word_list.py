"""Lists of words against looking into each message."""

import random

import pytest

from pillarbox.servers.imap.word_list import Gathering, WordList, joined, unpacked

LETTERS = "AB\u00e9"
WORDS = ["".join(letters) for letters in ("A", "AB", "BA", "ABA", "B\u00e9", "\u00e9", "AAB", "BBB", "ABAB")]


def made(texts: list[set[bytes]]) -> WordList:
    gathering = Gathering()
    for words in texts:
        gathering.add(words)
    return gathering.done()


def some(chance: random.Random, count: int) -> list[set[bytes]]:
    often = [chance.random() ** 3 for _ in WORDS]
    return [{word.encode() for word, p in zip(WORDS, often, strict=True) if chance.random() < p} for _ in range(count)]


def with_piece(texts: list[set[bytes]], piece: bytes) -> set[int]:
    return {row for row, words in enumerate(texts) if any(piece in b"\n" + word + b"\n" for word in words)}


PIECES = [w.encode() for w in (*WORDS, "BAB", "C")]


@pytest.mark.parametrize("seed", range(20))
def test_a_piece_is_found_where_a_word_has_it(seed: int) -> None:
    chance = random.Random(seed)
    texts, more = some(chance, chance.choice((0, 1, 7, 200))), some(chance, chance.choice((0, 1, 90)))
    one, other = made(texts), made(more)
    both = joined(one, other)
    for plain in PIECES:
        for piece in (plain, b"\n" + plain, plain + b"\n", b"\n" + plain + b"\n"):
            assert one.rows(piece) == with_piece(texts, piece)
            assert both.rows(piece) == with_piece([*texts, *more], piece)
            assert unpacked(both.count, both.packed()).rows(piece) == both.rows(piece)


def test_a_list_knows_what_it_takes() -> None:
    dense, sparse = made([{b"A"}] * 1000), made([{b"%d" % n} for n in range(1000)])
    assert 125 <= dense.weight < 300
    assert 10_000 < sparse.weight < 20_000


def test_what_is_no_list_is_refused() -> None:
    packed = made([{b"A", b"B"}, {b"A"}] * 20).packed()
    for bad in (packed._replace(words=b"\nA\n"), packed._replace(places=b"\0\0"), packed._replace(counts=b"\0")):
        with pytest.raises(ValueError, match=r"do not fit|multiple"):
            unpacked(40, bad)
