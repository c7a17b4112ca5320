"""Keys that sort and compare text as the collation i;unicode-casemap does.

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


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    title = character.title()
    # The RFC means the one-to-one titlecase of UnicodeData.txt; Python's is the full mapping, where ß becomes Ss.
    return unicodedata.normalize("NFKD", title if len(title) == 1 else character)
