"""The words of some messages, and which of them have each word: in it a piece of a word is found at memory's speed."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import compress
from typing import NamedTuple

from pillarbox.servers.imap.needle import END

MOST_ROWS = 16_384  # places of messages have 16 bits
_DENSE = 16  # of so many messages one has a word, or more: a bit for each takes less room than their places
_WORD_OCTETS = 200  # what a word takes while a list is made
_ONE, _BITS = ord("1"), bytes.maketrans(b"01", b"\0\1")


class Packed(NamedTuple):
    """A list as it is stored: the words; how many places each has, and these; the bits of what has many, by word."""

    words: bytes
    counts: bytes
    places: bytes
    bits: dict[int, bytes]


class WordList:
    """The words of messages, which are known by their places: 0, 1 ... It is never changed."""

    __slots__ = ("_bits", "_counts", "_ends", "_places", "_starts", "_words", "count")

    def __init__(self, count: int, words: bytes, counts: array[int], places: array[int], bits: dict[int, int]) -> None:
        self.count = count
        self._words, self._counts, self._places, self._bits = words, counts, places, bits
        self._starts, self._ends = array("I"), array("I")
        at = end = 0
        for word, amount in zip(words[1:].split(END), counts, strict=False):
            self._starts.append(at)
            at += len(word) + 1
            end += amount
            self._ends.append(end)

    @classmethod
    def of(cls, count: int, places: Iterable[tuple[bytes, Sequence[int]]]) -> WordList:
        """The list of these words, each with the places of the messages that have it, rising."""
        words, counts, sparse, bits = list[bytes](), array("H"), array("H"), dict[int, int]()
        for at, (word, rows) in enumerate(places):
            words.append(word)
            is_dense = len(rows) * _DENSE >= count
            if is_dense:
                bits[at] = _to_bits(rows, count)
            else:
                sparse.extend(rows)
            counts.append(0 if is_dense else len(rows))
        return cls(count, END + END.join([*words, b""]), counts, sparse, bits)

    @property
    def weight(self) -> int:
        """The octets that it takes."""
        sparse = 10 * len(self._counts) + 2 * len(self._places)
        return len(self._words) + sparse + len(self._bits) * (self.count // 8 + 120)

    def rows(self, piece: bytes) -> set[int]:
        """The places of the messages with a word that has the piece."""
        words, starts, found, dense = self._words, self._starts, set[int](), 0
        at = words.find(piece)
        while at >= 0:
            word = bisect_right(starts, at) - 1
            if word in self._bits:
                dense |= self._bits[word]
            else:
                end = self._ends[word]
                found.update(self._places[end - self._counts[word] : end])
            at = words.find(piece, starts[word + 1]) if word + 1 < len(starts) else -1
        if dense:
            found.update(_from_bits(dense))
        return found

    def __iter__(self) -> Iterator[tuple[bytes, Sequence[int]]]:
        """Each word with its places."""
        for at, word in enumerate(self._words[1:].split(END)[: len(self._counts)]):
            end = self._ends[at]
            rows = self._places[end - self._counts[at] : end]
            yield word, list(_from_bits(self._bits[at])) if at in self._bits else rows

    def packed(self) -> Packed:
        """The list, to be stored."""
        size = self.count // 8 + 1
        bits = {at: value.to_bytes(size, "little") for at, value in self._bits.items()}
        return Packed(self._words, self._counts.tobytes(), self._places.tobytes(), bits)


def unpacked(count: int, packed: Packed) -> WordList:
    """A list that was stored. Raises ValueError when it is none."""
    counts, places = array("H"), array("H")
    counts.frombytes(packed.counts)
    places.frombytes(packed.places)
    if packed.words.count(END) != len(counts) + 1 or sum(counts) != len(places):
        raise ValueError("the parts of a list of words do not fit")
    return WordList(
        count, packed.words, counts, places, {at: int.from_bytes(v, "little") for at, v in packed.bits.items()}
    )


class Gathering:
    """A list that is being made, message by message."""

    def __init__(self) -> None:
        self._places: defaultdict[bytes, list[int]] = defaultdict(list)
        self._count = self._octets = 0

    @property
    def weight(self) -> int:
        """About the octets that it takes, which is several times as many as the list will."""
        return _WORD_OCTETS * len(self._places) + self._octets

    def add(self, words: Collection[bytes]) -> None:
        """The next message has these words, each named once."""
        row, places = self._count, self._places
        for word in words:
            places[word].append(row)
        self._count += 1
        self._octets += 8 * len(words) + sum(map(len, words))

    def done(self) -> WordList:
        """The list of the messages so far."""
        return WordList.of(self._count, self._places.items())


def joined(one: WordList, other: WordList) -> WordList:
    """The list of the messages of both, those of the other after those of the first."""
    # In arrays, and only one list at a time: of 16,000 messages there are millions of places.
    after = {word: array("H", [row + one.count for row in rows]) for word, rows in other}

    def both() -> Iterator[tuple[bytes, Sequence[int]]]:
        for word, rows in one:
            more = after.pop(word, None)
            yield word, rows if more is None else array("H", rows) + more
        yield from after.items()

    return WordList.of(one.count + other.count, both())


def _to_bits(rows: Sequence[int], count: int) -> int:
    flags = bytearray(b"0" * count)
    for row in rows:
        flags[count - 1 - row] = _ONE
    return int(flags, 2)


def _from_bits(bits: int) -> Iterator[int]:
    written = f"{bits:b}"[::-1].encode().translate(_BITS)
    return compress(range(len(written)), written)
