"""SORT, THREAD, ESEARCH, CANCELUPDATE and UIDBATCHES: what finds messages beside SEARCH.

Sections: RFC 5256 §3, §5; RFC 5957 §4; RFC 6203 §3; RFC 5267 §3, §4.3.5; RFC 7377 §2, §4; RFC 10022.
"""

from __future__ import annotations

import re

from pillarbox.wire.imap.message_command import CancelUpdate, Scope, Search, Sort, Thread, UidBatches
from pillarbox.wire.imap.message_syntax import open_program, results
from pillarbox.wire.imap.notify_syntax import scope
from pillarbox.wire.imap.refusal import Refused
from pillarbox.wire.imap.scanner import Scanner
from pillarbox.wire.imap.search_syntax import Program, charset
from pillarbox.wire.imap.set_syntax import listed, spaced

_CRITERIA = frozenset("ARRIVAL CC DATE FROM SIZE SUBJECT TO DISPLAYFROM DISPLAYTO RELEVANCY".split())
_ALGORITHMS = frozenset({"ORDEREDSUBJECT", "REFERENCES", "REFS"})
_IN = re.compile(r" IN \(", re.IGNORECASE)
_MOST_CRITERIA = 20
_MOST_SCOPES = 100
_SELECTED = Scope("selected")


def sort(scanner: Scanner, *, is_uid: bool) -> Sort:
    """SORT and UID SORT; unlike SEARCH they always name a charset."""
    returned = results(scanner)
    scanner.need(" ")
    criteria = listed(scanner, _criterion, most=_MOST_CRITERIA)
    program = _program(scanner)
    key = program.read()
    returned.check(has_fuzzy=program.has_fuzzy)
    # RFC 6203 §6: nor is the criterion to be used without FUZZY.
    if not program.has_fuzzy and any(name == "RELEVANCY" for name, _ in criteria):
        raise Refused("RELEVANCY needs FUZZY")
    return Sort(criteria, key, is_uid, returned.names, returned.partial, program.has_modseq, returned.update_items)


def thread(scanner: Scanner, *, is_uid: bool) -> Thread:
    """THREAD and UID THREAD."""
    scanner.need(" ")
    algorithm = scanner.word()
    if algorithm not in _ALGORITHMS:
        raise Refused("THREAD knows no such algorithm")
    return Thread(algorithm, _program(scanner).read(), is_uid)


def esearch(scanner: Scanner, *, is_selected: bool) -> Search:
    """ESEARCH: by UIDs, and in the selected mailbox, which there must be then, unless others are named."""
    scopes: tuple[Scope, ...] = (_SELECTED,)
    if scanner.passes(_IN):
        scopes = _scopes(scanner)
    returned = results(scanner)
    names = returned.names or frozenset()
    # RFC 7377 §2.2: "If the session is not in a correct state, the ESEARCH command MUST return a "BAD" result."
    if not is_selected and (_SELECTED in scopes or "UPDATE" in names):
        raise Refused("No mailbox is selected")
    # RFC 7377 §2.2: SAVE with anything but "selected" "MUST return a "BAD" result".
    if "SAVE" in names and scopes != (_SELECTED,):
        raise Refused("Only results in the selected mailbox are saved")
    scanner.need(" ")
    program = open_program(scanner)
    key = program.read()
    returned.check(has_fuzzy=program.has_fuzzy)
    is_uid = True
    # What RFC 4731 §3.1 says of RETURN () holds without RETURN, too: there is no other response.
    return Search(key, is_uid, names, returned.partial, scopes, program.has_modseq, returned.update_items)


def _scopes(scanner: Scanner) -> tuple[Scope, ...]:
    scopes = spaced(scanner, scope, most=_MOST_SCOPES)
    scanner.need(")")
    if any(each.kind == "selected-delayed" for each in scopes):
        raise Refused("Only NOTIFY has selected-delayed")
    return scopes


def _criterion(scanner: Scanner) -> tuple[str, bool]:
    name = scanner.word()
    is_reversed = name == "REVERSE"
    if is_reversed:
        scanner.need(" ")
        name = scanner.word()
    if name not in _CRITERIA:
        raise Refused("SORT knows no such criterion")
    return name, is_reversed


def _program(scanner: Scanner) -> Program:
    scanner.need(" ")
    charset(scanner)
    scanner.need(" ")
    return Program(scanner)


def cancel_update(scanner: Scanner) -> CancelUpdate:
    """CANCELUPDATE, with the tags of searches in quotes."""
    scanner.need(" ")
    tags = spaced(scanner, Scanner.string)
    scanner.end()
    return CancelUpdate(tags)


def uid_batches(scanner: Scanner) -> UidBatches:
    """UIDBATCHES: how many messages a batch has, and perhaps which batches are wanted."""
    scanner.need(" ")
    size = scanner.number(1)
    first = last = None
    if not scanner.is_at_end():
        scanner.need(" ")
        first = scanner.number(1)
        scanner.need(":")
        last = scanner.number(1)
    scanner.end()
    return UidBatches(size, first, last)
