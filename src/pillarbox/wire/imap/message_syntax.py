"""STORE, COPY, MOVE, EXPUNGE, SEARCH.

Sections: RFC 9051 §6.4.3-§6.4.9; RFC 6851 §3; RFC 7162 §3.1.3; RFC 4731 §3; RFC 5182 §2.4; RFC 5267 §4; RFC 9394 §3.1;
RFC 5465 §7; RFC 6203 §4.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pillarbox.wire.imap.fetch_item import FetchItem
from pillarbox.wire.imap.fetch_syntax import fetch_items
from pillarbox.wire.imap.message_command import Copy, Expunge, Partial, Search, Store
from pillarbox.wire.imap.refusal import Refused
from pillarbox.wire.imap.scanner import Scanner
from pillarbox.wire.imap.search_syntax import Program, charset
from pillarbox.wire.imap.set_syntax import flag, flag_list, partial, sequence_set, spaced

_STORE_ITEM = re.compile(r"([+-]?)FLAGS(\.SILENT)? ", re.IGNORECASE)
_UNCHANGED_SINCE = re.compile(r"\(UNCHANGEDSINCE ", re.IGNORECASE)
_RETURN = re.compile(r" RETURN \(", re.IGNORECASE)
_CHARSET = re.compile(r"CHARSET ", re.IGNORECASE)
_BEFORE_LIST = re.compile(r" (?=\()")
_RESULTS = frozenset({"MIN", "MAX", "ALL", "COUNT", "SAVE", "CONTEXT", "UPDATE", "RELEVANCY"})


def store(scanner: Scanner, *, is_uid: bool) -> Store:
    """STORE and UID STORE; the flags may stand without parentheses."""
    scanner.need(" ")
    numbers = sequence_set(scanner)
    scanner.need(" ")
    unchanged_since = None
    if scanner.sees("("):
        scanner.match(_UNCHANGED_SINCE, "UNCHANGEDSINCE")
        unchanged_since = scanner.number64()
        scanner.need(") ")
    item = scanner.match(_STORE_ITEM, "FLAGS, +FLAGS or -FLAGS")
    flags = flag_list(scanner) if scanner.sees("(") else spaced(scanner, flag)
    scanner.end()
    return Store(numbers, item[1] or "=", flags, item[2] is not None, is_uid, unchanged_since)


def copy(scanner: Scanner, *, is_uid: bool, is_move: bool) -> Copy:
    """COPY and MOVE, with UID and without."""
    scanner.need(" ")
    numbers = sequence_set(scanner)
    scanner.need(" ")
    mailbox = scanner.mailbox()
    scanner.end()
    return Copy(numbers, mailbox, is_uid, is_move)


def expunge(scanner: Scanner) -> Expunge:
    """EXPUNGE."""
    scanner.end()
    return Expunge()


def uid_expunge(scanner: Scanner) -> Expunge:
    """UID EXPUNGE."""
    scanner.need(" ")
    uids = sequence_set(scanner)
    scanner.end()
    return Expunge(uids)


def search(scanner: Scanner, *, is_uid: bool) -> Search:
    """SEARCH and UID SEARCH."""
    returned = results(scanner)
    scanner.need(" ")
    program = open_program(scanner)
    key = program.read()
    returned.check(has_fuzzy=program.has_fuzzy)
    return Search(key, is_uid, returned.names, returned.partial, (), program.has_modseq, returned.update_items)


def open_program(scanner: Scanner) -> Program:
    """Pass an optional charset; keys up to the end are to be read."""
    if scanner.passes(_CHARSET):
        charset(scanner)
        scanner.need(" ")
    return Program(scanner)


class Results(NamedTuple):
    """What RETURN (...) asks for; `names` is None without it."""

    names: frozenset[str] | None = None
    partial: Partial | None = None
    update_items: tuple[FetchItem, ...] = ()

    def check(self, *, has_fuzzy: bool) -> None:
        """RFC 6203 §4: RELEVANCY "MUST NOT be used unless a FUZZY search key is also given"."""
        if self.names and "RELEVANCY" in self.names and not has_fuzzy:
            raise Refused("RELEVANCY needs FUZZY")


def results(scanner: Scanner) -> Results:
    """RETURN (...), if it stands here."""
    if not scanner.passes(_RETURN):
        return Results()
    if scanner.has(")"):
        return Results(frozenset())
    names: set[str] = set()
    window: Partial | None = None
    items: tuple[FetchItem, ...] = ()
    while True:
        name = scanner.word()
        if name == "PARTIAL" and window is None:
            scanner.need(" ")
            window = partial(scanner)
        elif name in _RESULTS:
            names.add(name)
            if name == "UPDATE" and scanner.passes(_BEFORE_LIST):
                items = fetch_items(scanner)
        else:
            raise Refused("SEARCH knows no such result")
        if not scanner.has(" "):
            break
    scanner.need(")")
    # RFC 9394 §3.1: "either one PARTIAL, one ALL, or neither"
    if window is not None and "ALL" in names:
        raise Refused("PARTIAL and ALL exclude each other")
    return Results(frozenset(names), window, items)
