"""Keys that sort, compare and find text as the collation i;unicode-casemap does.

Sections: RFC 5051 §2.3.
"""

import unicodedata
from functools import lru_cache


def sort_key(text: str) -> str:
    """A key whose code point order is the collation's order; equal keys are equal text (RFC 5051 §2.3).

    Each character is titlecased and then fully decomposed. ASCII takes a short way.
    """
    if text.isascii():
        return text.upper()
    return "".join(map(_folded, text))


def search_key(text: str) -> str:
    """A key in which the key of every piece of the text is found (RFC 5051 §2.3; RFC 4790 §4.2.4, substring).

    Beyond the collation, marks of letters count for nothing, as in the text index: apfel finds Äpfel. Any white space
    is one space, and there is none at the ends.
    """
    key = text.upper() if text.isascii() else "".join(map(_bare, text))
    return " ".join(key.split())


@lru_cache(maxsize=4096)
def _bare(character: str) -> str:
    bare = [each for each in _folded(character) if not unicodedata.combining(each)]
    # What was decomposed may be of small letters: the parts of a ligature.
    return "".join(_folded(each) if each != character else each for each in bare)


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    title = character.title()
    # The RFC means the one-to-one titlecase of UnicodeData.txt; Python's is the full mapping, where ß becomes Ss.
    return unicodedata.normalize("NFKD", title if len(title) == 1 else character)
