r"""The words that responses are made of: atoms, quoted strings, literals, NIL, flags, mailbox names.

RFC 9051 §4 and §9, RFC 3501 §9, RFC 6855 §3. What is text here becomes octets by `to_bytes`; a literal in it counts the
octets of its UTF-8, and nothing else may stand outside of ASCII unless the session asked for UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from pillarbox.wire.imap.mailbox_name import name_to_text

NIL = "NIL"
_LONGEST_QUOTED = 1000  # characters; clients read a line into less room than a literal
# RFC 9051 §9: ASTRING-CHAR = ATOM-CHAR / "]"
_NO_ASTRING = re.compile(r'[\x00-\x20\x7f-\U0010ffff(){%*"\\]|\A(?i:nil)?\Z')
_ESCAPED = re.compile(r'(["\\])')
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NUL = bytes([0x80, *range(1, 256)])
# RFC 9051 §9: flag-keyword = atom
_NO_ATOM = re.compile(r'[\x00-\x20\x7f-\U0010ffff(){%*"\\\]]')
_SYSTEM_FLAGS = {"$seen": r"\Seen", "$answered": r"\Answered", "$flagged": r"\Flagged", "$draft": r"\Draft"}


def to_bytes(text: str) -> bytes:
    """The octets of a response."""
    return text.encode("utf-8", "replace")


def string(text: str, *, is_utf8: bool = False) -> str:
    """A quoted string where that can be, else a literal.

    RFC 9051 §4.3: a quoted string has neither CR nor LF, and is 7-bit unless the client asked for UTF-8 (`is_utf8`). No
    string can hold NUL; it is left out.
    """
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text and len(text) <= _LONGEST_QUOTED:
        return f'"{text}"'
    text = _SURROGATE.sub("\ufffd", text).replace("\0", "")
    is_quotable = len(text) <= _LONGEST_QUOTED and "\r" not in text and "\n" not in text
    if is_quotable and (is_utf8 or text.isascii()):
        escaped = _ESCAPED.sub(r"\\\1", text)
        return f'"{escaped}"'
    return f"{{{len(text.encode())}}}\r\n{text}"


def nstring(text: str | None, *, is_utf8: bool = False) -> str:
    """A string, or NIL for None."""
    return NIL if text is None else string(text, is_utf8=is_utf8)


def astring(text: str, *, is_utf8: bool = False) -> str:
    """An atom where that can be, else a string; the atom NIL would be taken for the absence of one."""
    return string(text, is_utf8=is_utf8) if _NO_ASTRING.search(text) else text


def mailbox(name: str, *, is_utf8: bool) -> str:
    """The name of a mailbox as the session spells it."""
    return astring(name_to_text(name, is_utf8=is_utf8), is_utf8=is_utf8)


def literal(octets: bytes) -> bytes:
    """Octets as a literal, whatever they are.

    RFC 9051 §4.3: a literal has no NUL. The few messages that hold one are sent with 0x80 for it, so that all sizes and
    offsets stay.
    """
    return b"{%d}\r\n%b" % (len(octets), without_nul(octets))


def without_nul(octets: bytes) -> bytes:
    """Octets as they may stand in a literal, or in a part of one."""
    return octets.translate(_NUL) if b"\0" in octets else octets


def literal8(octets: bytes) -> bytes:
    """Decoded octets, as literal8 when there is NUL among them (RFC 9051 §4.3, RFC 3516 §4.2)."""
    return b"~{%d}\r\n%b" % (len(octets), octets) if b"\0" in octets else literal(octets)


def flag(keyword: str) -> str:
    r"""A flag on the wire for a keyword of JMAP, as `\Seen` for `$seen` (RFC 8621 §4.1.1)."""
    return _SYSTEM_FLAGS.get(keyword, keyword)


@lru_cache(maxsize=4096)
def flags(words: str, *, is_deleted: bool = False) -> str:
    r"""The flags of a message in parentheses, from its keywords between spaces (`member.words`).

    Most messages of a mailbox have one of a few sets of keywords, so the text is remembered. JMAP allows keywords that
    are no atoms (RFC 8621 §4.1.1 forbids only `( ) { ] % * " \`, which is what an atom forbids); they pass.
    """
    out = [flag(word) for word in words.split() if not _NO_ATOM.search(word)]
    out += [r"\Deleted"] if is_deleted else []
    return f"({' '.join(out)})"


def joined(words: Iterable[str]) -> str:
    """Words in parentheses."""
    return f"({' '.join(words)})"
