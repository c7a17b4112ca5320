"""The search program of SEARCH, SORT and THREAD.

Sections: RFC 9051 §6.4.4, §9; RFC 3501 §6.4.4; RFC 7162 §3.1.5; RFC 5032 §3; RFC 5466 §3.1; RFC 6203 §3; RFC 8474 §6;
RFC 8514 §4.3; RFC 9738 §3.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pillarbox.wire.imap.date_syntax import day
from pillarbox.wire.imap.refusal import NotUtf8, Refused
from pillarbox.wire.imap.scanner import ATOM_CHARS, Scanner
from pillarbox.wire.imap.search_key import (
    Dated,
    Either,
    Every,
    Fuzzy,
    HasFlag,
    Header,
    ModSeq,
    Not,
    Numbers,
    ObjectId,
    Recent,
    SaveDateSupported,
    SearchKey,
    Sized,
    StoredFilter,
    Text,
    Within,
)
from pillarbox.wire.imap.sequence_set import SequenceSet
from pillarbox.wire.imap.set_syntax import sequence_set

# Who walks a program may recurse: its depth must fit the stack of those who do.
_MOST_LEVELS = 100
_MOST_KEYS = 2000
_MOST_UID = 2**32 - 1
_BADCHARSET = "BADCHARSET (UTF-8)"
_CHARSETS = frozenset({"UTF-8", "UTF8", "US-ASCII", "ASCII"})
_STARTS_SET = re.compile(r"[0-9*$]")
_FLAG = re.compile(rf"\\?[{ATOM_CHARS}]+")
_ENTRY = re.compile(r'"/flags/[^"\r\n\0]{1,250}" (?:priv|shared|all) ', re.IGNORECASE)
_OBJECT_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")


class Program:
    """Reads one search program; `has_modseq` and `has_fuzzy` say that such a key stands in it."""

    __slots__ = ("_count", "_scanner", "has_fuzzy", "has_modseq")

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._count = 0
        self.has_modseq = False
        self.has_fuzzy = False

    def read(self) -> SearchKey:
        """Keys up to the end of the command."""
        keys = [self.key(1)]
        while not self._scanner.is_at_end():
            self._scanner.need(" ")
            keys.append(self.key(1))
        return keys[0] if len(keys) == 1 else Every(tuple(keys))

    def key(self, depth: int) -> SearchKey:
        """One key, or a list of them in parentheses."""
        self._count += 1
        if depth > _MOST_LEVELS or self._count > _MOST_KEYS:
            raise Refused("The search program is too deep or too long", status="NO", code="LIMIT")
        scanner = self._scanner
        if scanner.has("("):
            return self._list(depth)
        if _STARTS_SET.match(scanner.text, scanner.at):
            return Numbers(sequence_set(scanner), is_uid=False)
        name = scanner.word()
        if (plain := _PLAIN.get(name)) is not None:
            return plain
        if name in _NESTING:
            scanner.need(" ")
            return self._nested(name, depth + 1)
        read = _WITH_ARGUMENT.get(name)
        if read is None:
            raise Refused("SEARCH knows no such key")
        self.has_modseq |= name == "MODSEQ"
        scanner.need(" ")
        return read(scanner)

    def _list(self, depth: int) -> SearchKey:
        keys = [self.key(depth + 1)]
        while self._scanner.has(" "):
            keys.append(self.key(depth + 1))
        self._scanner.need(")")
        return keys[0] if len(keys) == 1 else Every(tuple(keys))

    def _nested(self, name: str, depth: int) -> SearchKey:
        first = self.key(depth)
        if name == "NOT":
            return Not(first)
        if name == "FUZZY":
            self.has_fuzzy = True
            return Fuzzy(first)
        self._scanner.need(" ")
        return Either(first, self.key(depth))


def stored_program(octets: bytes) -> SearchKey:
    """A program that was stored as a filter (RFC 5466 §3.1): UTF-8, in one line, without literals. Raises Refused."""
    if b"\n" in octets or b"\r" in octets:
        raise Refused("A stored program stands in one line")
    return Program(Scanner(octets.decode("utf-8", "surrogateescape"), is_utf8=True)).read()


def charset(scanner: Scanner) -> None:
    """A charset's name; all that is searched for is UTF-8, which US-ASCII is a part of."""
    name = scanner.astring()
    if name.upper() not in _CHARSETS:
        raise Refused("Searches are in UTF-8", status="NO", code=_BADCHARSET)


def _words(scanner: Scanner) -> str:
    """Text to look for. What is no UTF-8 is in a charset that the server does not know."""
    try:
        return scanner.astring()
    except NotUtf8:
        raise Refused("The text is not UTF-8", status="NO", code=_BADCHARSET) from None


def _text(place: str) -> Callable[[Scanner], SearchKey]:
    return lambda scanner: Text(place, _words(scanner))


def _dated(which: str, relation: str) -> Callable[[Scanner], SearchKey]:
    return lambda scanner: Dated(which, relation, day(scanner))


def _header(scanner: Scanner) -> SearchKey:
    name = scanner.astring()
    scanner.need(" ")
    return Header(name, _words(scanner))


def _keyword(scanner: Scanner) -> HasFlag:
    return HasFlag(scanner.match(_FLAG, "a keyword")[0])


def _modseq(scanner: Scanner) -> SearchKey:
    """RFC 7162 §3.1.5: a flag's own number may be asked for; as a message has one number, the flag says nothing."""
    if scanner.sees('"'):
        scanner.match(_ENTRY, "the entry of a flag and priv, shared or all")
    return ModSeq(scanner.number64())


def _uids(first: int, last: int) -> SearchKey:
    return Numbers(SequenceSet(((first, last),)), is_uid=True) if first <= last else Not(_PLAIN["ALL"])


def _object_id(which: str) -> Callable[[Scanner], SearchKey]:
    return lambda scanner: ObjectId(which, scanner.match(_OBJECT_ID, "an id")[0])


def _stored_filter(scanner: Scanner) -> SearchKey:
    name = scanner.atom()
    if "/" in name:
        raise Refused("The name of a filter has no slash")
    return StoredFilter(name)


_SYSTEM_FLAGS = {name.upper(): HasFlag("\\" + name) for name in ("Answered", "Deleted", "Draft", "Flagged", "Seen")}
_PLAIN: dict[str, SearchKey] = {
    "ALL": Every(()),
    "NEW": Every((Recent(), Not(_SYSTEM_FLAGS["SEEN"]))),
    "OLD": Not(Recent()),
    "RECENT": Recent(),
    "SAVEDATESUPPORTED": SaveDateSupported(),
    **_SYSTEM_FLAGS,
    **{"UN" + name: Not(key) for name, key in _SYSTEM_FLAGS.items()},
}
_NESTING = frozenset({"NOT", "OR", "FUZZY"})
_WITH_ARGUMENT: dict[str, Callable[[Scanner], SearchKey]] = {
    **{place.upper(): _text(place) for place in ("from", "to", "cc", "bcc", "subject", "body", "text")},
    **{
        prefix + name: _dated(which, relation)
        for prefix, which in (("", "internal"), ("SENT", "sent"), ("SAVED", "saved"))
        for name, relation in (("BEFORE", "<"), ("ON", "="), ("SINCE", ">="))
    },
    "HEADER": _header,
    "KEYWORD": _keyword,
    "UNKEYWORD": lambda scanner: Not(_keyword(scanner)),
    "LARGER": lambda scanner: Sized(is_larger=True, octets=scanner.number64()),
    "SMALLER": lambda scanner: Sized(is_larger=False, octets=scanner.number64()),
    "UID": lambda scanner: Numbers(sequence_set(scanner), is_uid=True),
    # RFC 9738 §3.2; no message has a UID beyond these ends.
    "UIDAFTER": lambda scanner: _uids(scanner.number(1) + 1, _MOST_UID),
    "UIDBEFORE": lambda scanner: _uids(1, scanner.number(1) - 1),
    "MODSEQ": _modseq,
    "OLDER": lambda scanner: Within(is_older=True, seconds=scanner.number(1)),
    "YOUNGER": lambda scanner: Within(is_older=False, seconds=scanner.number(1)),
    "EMAILID": _object_id("email"),
    "THREADID": _object_id("thread"),
    "FILTER": _stored_filter,
}
