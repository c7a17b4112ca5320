"""STORE, COPY, MOVE, EXPUNGE, SEARCH.

Sections: RFC 9051 §6.4.3-§6.4.9; RFC 6851 §3; RFC 7162 §3.1.3; RFC 4731 §3; RFC 5182 §2.4; RFC 5267 §4; RFC 9394 §3.1.
"""

from __future__ import annotations

import re

from pillarbox.wire.imap.message_command import Copy, Expunge, Partial, Search, Store
from pillarbox.wire.imap.refusal import Refused
from pillarbox.wire.imap.scanner import Scanner
from pillarbox.wire.imap.search_key import SearchKey
from pillarbox.wire.imap.search_syntax import Program, charset
from pillarbox.wire.imap.set_syntax import flag, flag_list, partial, sequence_set, spaced

_STORE_ITEM = re.compile(r"([+-]?)FLAGS(\.SILENT)? ", re.IGNORECASE)
_UNCHANGED_SINCE = re.compile(r"\(UNCHANGEDSINCE ", re.IGNORECASE)
_RETURN = re.compile(r" RETURN \(", re.IGNORECASE)
_CHARSET = re.compile(r"CHARSET ", re.IGNORECASE)
_RESULTS = frozenset({"MIN", "MAX", "ALL", "COUNT", "SAVE", "CONTEXT", "UPDATE"})


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
    returned, window = results(scanner)
    scanner.need(" ")
    key, has_modseq = search_program(scanner)
    return Search(key, is_uid, returned, window, is_modseq_wanted=has_modseq)


def search_program(scanner: Scanner) -> tuple[SearchKey, bool]:
    """An optional charset, and keys up to the end; and whether MODSEQ is among them."""
    if scanner.passes(_CHARSET):
        charset(scanner)
        scanner.need(" ")
    program = Program(scanner)
    return program.read(), program.has_modseq


def results(scanner: Scanner) -> tuple[frozenset[str] | None, Partial | None]:
    """The words of RETURN (...), and its PARTIAL; None and None without RETURN."""
    if not scanner.passes(_RETURN):
        return None, None
    names: set[str] = set()
    window: Partial | None = None
    while not scanner.has(")"):
        if names or window:
            scanner.need(" ")
        name = scanner.word()
        if name == "PARTIAL" and window is None:
            scanner.need(" ")
            window = partial(scanner)
        elif name in _RESULTS:
            names.add(name)
        else:
            raise Refused("SEARCH knows no such result")
    # RFC 9394 §3.1: "either one PARTIAL, one ALL, or neither"
    if window is not None and "ALL" in names:
        raise Refused("PARTIAL and ALL exclude each other")
    return frozenset(names), window
