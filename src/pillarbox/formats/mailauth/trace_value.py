"""Values in the fields that tell of authentication: written so that no sender's text breaks out, read within budgets.

Sections: RFC 8601 §2.2; RFC 7208 §9.1; RFC 5322 §3.2; RFC 8616 §5.
"""

from __future__ import annotations

import re

from pillarbox.formats.message.comment import comment_end, unfold, unquote_pairs

# Longer values are cut: they are a sender's choice, and tell nobody more.
MAX_VALUE = 256
MAX_FIELD = 16_384

# A token of RFC 2045 §5.1, or an address that needs no quotes.
_BARE = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`{|}~]+\Z|[A-Za-z0-9_+\-.]+@[A-Za-z0-9.-]+\Z")
_ATOM = re.compile(r"[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]+)*\Z")
_TOKEN = re.compile(r"[^ \t()<>,;\"=\\\x00-\x1f\x7f]++")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)(?:"|\\?\Z)', re.DOTALL)
_SPACE = re.compile(r"[ \t\r\n]++")


def quoted(text: str, *, is_utf8: bool = False) -> str:
    """A quoted string, cut, without what could end a line; what is not ASCII is "?", unless UTF-8 may stand there."""
    signs = (sign if sign.isprintable() and (is_utf8 or sign.isascii()) else "?" for sign in text[:MAX_VALUE])
    escaped = "".join(f"\\{sign}" if sign in '"\\' else sign for sign in signs)
    return f'"{escaped}"'


def pvalue(text: str, *, is_utf8: bool = False) -> str:
    """A value as it stands where it is a token or a plain address, else quoted (RFC 8601 §2.2)."""
    return text if len(text) <= MAX_VALUE and _BARE.match(text) else quoted(text, is_utf8=is_utf8)


def atom(text: str, *, is_utf8: bool = False) -> str:
    """A value as a dot-atom, else quoted (RFC 7208 §9.1)."""
    return text if len(text) <= MAX_VALUE and _ATOM.match(text) else quoted(text, is_utf8=is_utf8)


class Reader:
    """Reads tokens and quoted strings of a field, comments and folds passed over; linear in its length."""

    __slots__ = ("position", "text")

    def __init__(self, value: bytes) -> None:
        self.text = unfold(value[:MAX_FIELD].decode("utf-8", "replace"))
        self.position = 0

    def skip(self) -> None:
        """Go on behind white space and comments."""
        while self.position < len(self.text):
            if match := _SPACE.match(self.text, self.position):
                self.position = match.end()
            elif self.text[self.position] == "(":
                self.position = comment_end(self.text, self.position)
            else:
                return

    def take(self, sign: str) -> bool:
        """Whether this sign comes next; if so it is passed."""
        self.skip()
        if self.text.startswith(sign, self.position):
            self.position += len(sign)
            return True
        return False

    def value(self) -> str | None:
        """A token (an address too) or a quoted string; None if neither comes next."""
        self.skip()
        if match := _QUOTED.match(self.text, self.position):
            self.position = match.end()
            value = unquote_pairs(match[1])
            # A quoted local part: `"a b"@example.org`.
            if self.text.startswith("@", self.position) and (rest := _TOKEN.match(self.text, self.position)):
                self.position = rest.end()
                return value + rest[0]
            return value
        if match := _TOKEN.match(self.text, self.position):
            self.position = match.end()
            return match[0]
        return None

    def pass_over(self, sign: str) -> None:
        """Go on before the next such sign outside of comments and quoted strings, or to the end."""
        while self.position < len(self.text) and not self.text.startswith(sign, self.position):
            before = self.position
            if (
                self.value() is None
                and self.position < len(self.text)
                and not self.text.startswith(sign, self.position)
            ):
                self.position = max(before, self.position) + 1

    @property
    def is_at_end(self) -> bool:
        """Whether nothing is left but white space and comments."""
        self.skip()
        return self.position >= len(self.text)
