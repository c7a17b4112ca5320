"""LIST in all its forms, and LSUB.

Sections: RFC 9051 §6.3.9; RFC 3501 §6.3.8, §6.3.9; RFC 5258 §3, §6; RFC 5819 §2; RFC 6154 §2; RFC 8440 §3; RFC 9590 §3.
"""

from __future__ import annotations

from pillarbox.wire.imap.command import GetMetadata, List
from pillarbox.wire.imap.mailbox_syntax import status_item
from pillarbox.wire.imap.metadata_syntax import entry_names
from pillarbox.wire.imap.refusal import Refused
from pillarbox.wire.imap.scanner import Scanner
from pillarbox.wire.imap.set_syntax import listed

_SELECTION = frozenset({"SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"})
# RFC 5258 §3: RECURSIVEMATCH modifies one of these; it "MUST NOT" stand alone or with REMOTE only.
_BASE = frozenset({"SUBSCRIBED", "SPECIAL-USE"})
_RETURNED = frozenset({"SUBSCRIBED", "CHILDREN", "SPECIAL-USE", "MYRIGHTS"})
_MOST_PATTERNS = 100


def list_(scanner: Scanner) -> List:
    """LIST."""
    scanner.need(" ")
    selection: frozenset[str] = frozenset()
    is_extended = False
    if scanner.sees("("):
        is_extended = True
        selection = _selection(scanner)
        scanner.need(" ")
    reference = scanner.list_mailbox()
    scanner.need(" ")
    if scanner.sees("("):
        is_extended = True
        patterns = listed(scanner, Scanner.list_mailbox, most=_MOST_PATTERNS)
    else:
        patterns = (scanner.list_mailbox(),)
    returned = _Returned()
    if not scanner.is_at_end():
        scanner.need(" ")
        is_extended = True
        returned.read(scanner)
    scanner.end()
    names = frozenset(returned.names)
    return List(reference, patterns, selection, names, returned.status, returned.metadata, is_extended)


def lsub(scanner: Scanner) -> List:
    """LSUB."""
    scanner.need(" ")
    reference = scanner.list_mailbox()
    scanner.need(" ")
    pattern = scanner.list_mailbox()
    scanner.end()
    return List(reference, (pattern,), is_lsub=True)


def _selection(scanner: Scanner) -> frozenset[str]:
    names = frozenset(listed(scanner, Scanner.word, may_be_empty=True))
    if not names <= _SELECTION:
        raise Refused("LIST knows no such selection option")
    if "RECURSIVEMATCH" in names and not names & _BASE:
        raise Refused("RECURSIVEMATCH needs another selection option")
    return names


class _Returned:
    """What RETURN asks for."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.status: tuple[str, ...] = ()
        self.metadata: GetMetadata | None = None

    def read(self, scanner: Scanner) -> None:
        if scanner.word() != "RETURN":
            raise Refused("After the patterns LIST has RETURN")
        scanner.need(" (")
        if scanner.has(")"):
            return
        self._option(scanner)
        while scanner.has(" "):
            self._option(scanner)
        scanner.need(")")

    def _option(self, scanner: Scanner) -> None:
        name = scanner.word()
        if name == "STATUS":
            scanner.need(" ")
            self.status = listed(scanner, status_item)
        elif name == "METADATA":
            scanner.need(" ")
            self.metadata = GetMetadata("", entry_names(scanner))
        elif name in _RETURNED:
            self.names.add(name)
        else:
            raise Refused("LIST knows no such return option")
