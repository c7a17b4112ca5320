"""JMAP keywords as the flags and headers of Maildir and mbox.

RFC 8621 §4.1.1 (keywords), Maildir's `:2,` info, the Status, X-Status and X-Keywords headers of mbox.
"""

import re
from collections.abc import Iterable, Sequence

MAX_KEYWORDS = 100

MAILDIR_FLAGS = {"D": "$draft", "F": "$flagged", "P": "$forwarded", "R": "$answered", "S": "$seen"}
MAILDIR_DELETED = "T"
STATUS_FLAGS = {"R": "$seen"}
X_STATUS_FLAGS = {"A": "$answered", "F": "$flagged", "T": "$draft"}
X_STATUS_DELETED = "D"
MOZILLA_FLAGS = {0x0001: "$seen", 0x0002: "$answered", 0x0004: "$flagged", 0x1000: "$forwarded"}
MOZILLA_EXPUNGED = 0x0008

_SYNONYMS = {
    "junk": "$junk",
    "nonjunk": "$notjunk",
    "notjunk": "$notjunk",
    "forwarded": "$forwarded",
    r"\seen": "$seen",
    r"\answered": "$answered",
    r"\flagged": "$flagged",
    r"\draft": "$draft",
}
# RFC 8621 §4.1.1: ASCII %x21-%x7e, but none of ( ) { ] % * " \ ; 1 to 255 characters
_KEYWORD = re.compile(r"[!#$&'+-\[^-z|}~]{1,255}")


def to_keywords(words: Iterable[str]) -> frozenset[str]:
    """Make JMAP keywords of words: lower case, well-known synonyms translated, what is no keyword left out."""
    lowered = (word.lower() for word in words)
    known = (_SYNONYMS.get(word, word) for word in lowered)
    valid = [word for word in known if _KEYWORD.fullmatch(word)]
    return frozenset(valid[:MAX_KEYWORDS])


def flags_to_keywords(flags: str, table: dict[str, str]) -> frozenset[str]:
    """Translate letters to keywords."""
    return frozenset(table[flag] for flag in flags if flag in table)


def keywords_to_flags(keywords: Iterable[str], table: dict[str, str]) -> str:
    """Translate keywords to letters, in alphabetical order, as Maildir wants them."""
    present = set(keywords)
    return "".join(sorted(flag for flag, keyword in table.items() if keyword in present))


def maildir_keywords(info: str, names: Sequence[str | None]) -> frozenset[str]:
    """Translate the flags of a Maildir file name; `names` are the folder's own keywords for the letters a to z."""
    letters = (ord(flag) - ord("a") for flag in info if "a" <= flag <= "z")
    own = (names[number] for number in letters if number < len(names))
    return flags_to_keywords(info, MAILDIR_FLAGS) | to_keywords(word for word in own if word)


def parse_dovecot_keywords(data: bytes) -> list[str | None]:
    """Read a `dovecot-keywords` file: lines of a number from 0 to 25 and a keyword."""
    names: list[str | None] = [None] * 26
    for line in data[:65536].decode("utf-8", "replace").splitlines():
        number, _, word = line.partition(" ")
        if number.isascii() and number.isdigit() and len(number) < 3 and int(number) < 26:
            names[int(number)] = word.strip() or None
    return names
