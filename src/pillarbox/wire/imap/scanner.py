r"""Reads the words of one command, which lies here whole: its lines, and the literals between them.

In the text a literal is its announcement and a line feed, as in `LOGIN {5}\n {6}\n`; its octets lie beside. Octets over
127 were decoded as UTF-8; those that are none are lone surrogates (PEP 383), and refused where a word is taken.

Sections: RFC 9051 §4, §9.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pillarbox.wire.imap.mailbox_name import BadName, parse_name, parse_pattern
from pillarbox.wire.imap.refusal import NotUtf8, Refused

# RFC 9051 §9: ATOM-CHAR, to stand in a character class.
ATOM_CHARS = r"!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~"
_QUOTED = r'"([^"\\\r\n\0]*(?:\\["\\][^"\\\r\n\0]*)*)"'
_LITERAL = r"\{[0-9]+\+?\}\n"
_ATOM = re.compile(rf"[{ATOM_CHARS}]+")
_ASTRING = re.compile(rf"([{ATOM_CHARS}\]]+)|{_QUOTED}|{_LITERAL}")
_LIST_MAILBOX = re.compile(rf"([{ATOM_CHARS}\]%*]+)|{_QUOTED}|{_LITERAL}")
_ANY_LITERAL = re.compile(r"~?" + _LITERAL)
_NUMBER = re.compile(r"[0-9]{1,40}")  # more than any may have, so that what is too large is called so
_ESCAPED = re.compile(r"\\(.)")

MAX_NUMBER = 2**32 - 1
MAX_NUMBER64 = 2**63 - 1


class Scanner:
    """The words of a command, from left to right; every function raises Refused when what it looks for is not there."""

    __slots__ = ("_literals", "at", "is_utf8", "text")

    def __init__(self, text: str, at: int = 0, literals: Sequence[bytes] = (), *, is_utf8: bool = False) -> None:
        self.text = text
        self.at = at
        self.is_utf8 = is_utf8
        self._literals = iter(literals)

    # --- what stands between words

    def has(self, text: str) -> bool:
        """Whether this comes next; then it is passed."""
        if self.text.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def sees(self, text: str) -> bool:
        """Whether this comes next; it is not passed."""
        return self.text.startswith(text, self.at)

    def need(self, text: str) -> None:
        """Pass this."""
        if not self.text.startswith(text, self.at):
            raise Refused(f"Expected {'a space' if text == ' ' else text} in the arguments")
        self.at += len(text)

    def is_at_end(self) -> bool:
        """Whether nothing follows."""
        return self.at == len(self.text)

    def end(self) -> None:
        """The command ends here."""
        if self.at != len(self.text):
            raise Refused("More arguments than the command has")

    def match(self, pattern: re.Pattern[str], what: str) -> re.Match[str]:
        """Pass what matches here."""
        match = pattern.match(self.text, self.at)
        if match is None:
            raise Refused(f"Expected {what}")
        self.at = match.end()
        return match

    def passes(self, pattern: re.Pattern[str]) -> bool:
        """Whether this matches here; then it is passed."""
        match = pattern.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
        return match is not None

    # --- words

    def atom(self) -> str:
        """An atom as it is written."""
        return self.match(_ATOM, "an atom")[0]

    def word(self) -> str:
        """An atom in upper case: atoms that mean something are alike in any case."""
        return self.match(_ATOM, "a word")[0].upper()

    def astring(self) -> str:
        """An atom or a string."""
        return clean(self._raw(_ASTRING, "a string"))

    def loose_astring(self) -> str:
        """As `astring`; octets that are no UTF-8 are read as Latin-1, in which old clients write passwords."""
        raw = self._raw(_ASTRING, "a string")
        try:
            return clean(raw)
        except NotUtf8:
            return raw.encode("utf-8", "surrogateescape").decode("latin-1")

    def string(self) -> str:
        """A quoted string or a literal."""
        if not self.sees('"') and not self.sees("{"):
            raise Refused("Expected a string")
        return self.astring()

    def nstring(self) -> str | None:
        """A string, or None for NIL."""
        return None if self._has_nil() else self.string()

    def octets(self) -> bytes | None:
        """A string or a literal8 (RFC 3516) as octets, or None for NIL."""
        if self._has_nil():
            return None
        if match := _ANY_LITERAL.match(self.text, self.at):
            self.at = match.end()
            return next(self._literals)
        if not self.sees('"'):
            raise Refused("Expected a string")
        return self._raw(_ASTRING, "a string").encode("utf-8", "surrogateescape")

    def mailbox(self) -> str:
        """A mailbox name, decoded."""
        return self.to_name(self._raw(_ASTRING, "a mailbox name"))

    def to_name(self, raw: str) -> str:
        """A mailbox name of the text that stood for it."""
        try:
            return parse_name(raw, is_utf8=self.is_utf8)
        except BadName as error:
            raise Refused(str(error), status="NO", code="CANNOT") from None

    def list_mailbox(self) -> str:
        """A pattern of mailbox names, decoded."""
        return parse_pattern(self._raw(_LIST_MAILBOX, "a pattern of mailbox names"), is_utf8=self.is_utf8)

    def number(self, least: int = 0, most: int = MAX_NUMBER) -> int:
        """A number of 32 bits, or in other bounds."""
        number = int(self.match(_NUMBER, "a number")[0])
        if not least <= number <= most:
            raise Refused("A number is out of bounds")
        return number

    def number64(self, least: int = 0) -> int:
        """A number of 63 bits, as sizes and modification sequences are."""
        return self.number(least, MAX_NUMBER64)

    def is_at_literal(self) -> bool:
        """Whether a literal is announced here, of any kind."""
        return _ANY_LITERAL.match(self.text, self.at) is not None

    def _has_nil(self) -> bool:
        if self.text[self.at : self.at + 3].upper() != "NIL":
            return False
        self.at += 3
        return True

    def _raw(self, pattern: re.Pattern[str], what: str) -> str:
        """The text of an atom, quoted string or literal; for octets that are no UTF-8 there are surrogates in it."""
        match = self.match(pattern, what)
        if match.lastindex == 1:
            return match[1]
        if match.lastindex == 2:
            return _ESCAPED.sub(r"\1", match[2]) if "\\" in match[2] else match[2]
        return next(self._literals).decode("utf-8", "surrogateescape")


def clean(text: str) -> str:
    """The text itself; raises Refused when some of its octets were no UTF-8."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise NotUtf8("A string is not UTF-8") from None
    return text
