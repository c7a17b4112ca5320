"""A text that is looked for, as the words that have to be there for it to be found, whole or in part."""

from __future__ import annotations

import re
from typing import NamedTuple

from pillarbox.formats.message.collation import search_key

# What divides words: white space and the punctuation of ASCII and of typesetters. All else is kept together, so that
# a text without spaces is one long word, in which each piece is found.
_WORD = re.compile("[0-9A-Za-z\x80-\u1fff\u2070-\U0010ffff]+")
_TYPESET = re.compile("[\u2000-\u206f]")
_APART = bytes(at if chr(at).isalnum() or at > 127 else 32 for at in range(256))
END = b"\n"  # stands before and after each word of a list


def words_of(key: str) -> set[bytes]:
    """The words of a search key, each once."""
    # Much faster than looking for each.
    divided = key if key.isascii() else _TYPESET.sub(" ", key)
    return set(divided.encode("utf-8", "replace").translate(_APART).split())


class Needle(NamedTuple):
    """A search key, and what is looked for in a list of words: each of `pieces` has to be in one.

    A piece may begin or end with `END`: then a word has to. `is_word`: that a word has the piece is all there is to
    know; else what has all pieces may have the text, and has to be read.
    """

    key: str
    pieces: tuple[bytes, ...]
    is_word: bool

    @property
    def is_short(self) -> bool:
        """Whether so many words may have the piece that this takes its time."""
        return min(map(len, self.pieces), default=0) < 4


def needle_of(text: str) -> Needle:
    """A text as it is looked for. In the first word it may begin anywhere, and in the last one it may end anywhere."""
    key = search_key(text)
    found = list(_WORD.finditer(key))
    pieces = []
    for word in found:
        before = b"" if word.start() == 0 else END
        after = b"" if word.end() == len(key) else END
        pieces.append(before + word[0].encode("utf-8", "replace") + after)
    return Needle(key, tuple(dict.fromkeys(pieces)), len(found) == 1 and found[0][0] == key)
