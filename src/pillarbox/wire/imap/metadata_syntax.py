"""GETMETADATA and SETMETADATA, and the entries that LIST returns.

Sections: RFC 5464 §3.2, §4.2, §4.3, §5; RFC 9590 §3.
"""

from __future__ import annotations

import re

from pillarbox.wire.imap.access_command import SetMetadata
from pillarbox.wire.imap.command import GetMetadata
from pillarbox.wire.imap.refusal import Refused
from pillarbox.wire.imap.scanner import Scanner
from pillarbox.wire.imap.set_syntax import listed, spaced

# RFC 5464 §3.2: no "*", no "%", no control characters, nothing but US-ASCII, no empty component.
_ENTRY = re.compile(r"/(?:private|shared)(?:/[ -$&-)+-.0-~]+)*")
_OPTIONS = re.compile(r"\((?:MAXSIZE|DEPTH) ", re.IGNORECASE)
_DEPTHS = {"0": 0, "1": 1, "INFINITY": -1}
_MOST_ENTRIES = 200


def get_metadata(scanner: Scanner) -> GetMetadata:
    """GETMETADATA. The options stand before the mailbox in the grammar, behind it in the examples: both are read."""
    scanner.need(" ")
    max_size, depth = _options(scanner)
    mailbox = scanner.mailbox()
    scanner.need(" ")
    if max_size is None and not depth:
        max_size, depth = _options(scanner)
    # The grammar wants parentheses around several entries; an example of RFC 5464 §4.4.1 has none.
    entries = entry_names(scanner) if scanner.sees("(") else spaced(scanner, _entry, most=_MOST_ENTRIES)
    scanner.end()
    return GetMetadata(mailbox, entries, max_size, depth)


def set_metadata(scanner: Scanner) -> SetMetadata:
    """SETMETADATA; NIL removes an entry."""
    scanner.need(" ")
    mailbox = scanner.mailbox()
    scanner.need(" ")
    entries = listed(scanner, _entry_value, most=_MOST_ENTRIES)
    scanner.end()
    return SetMetadata(mailbox, entries)


def entry_names(scanner: Scanner) -> tuple[str, ...]:
    """One entry, or several in parentheses."""
    return listed(scanner, _entry, most=_MOST_ENTRIES) if scanner.sees("(") else (_entry(scanner),)


def _options(scanner: Scanner) -> tuple[int | None, int]:
    """MAXSIZE and DEPTH, each once, and the space behind them."""
    max_size: int | None = None
    depth: int | None = None
    if not _OPTIONS.match(scanner.text, scanner.at):
        return None, 0
    scanner.need("(")
    while True:
        name = scanner.word()
        scanner.need(" ")
        if name == "MAXSIZE" and max_size is None:
            max_size = scanner.number()
        elif name == "DEPTH" and depth is None:
            depth = _DEPTHS.get(scanner.word())
            if depth is None:
                raise Refused("DEPTH is 0, 1 or infinity")
        else:
            raise Refused("GETMETADATA has the options MAXSIZE and DEPTH, each once")
        if not scanner.has(" "):
            break
    scanner.need(") ")
    return max_size, depth or 0


def _entry(scanner: Scanner) -> str:
    """An entry's name, in lower case: they are alike in any case."""
    name = scanner.astring().lower()
    if not _ENTRY.fullmatch(name):
        raise Refused("An entry's name begins with /private or /shared, and has no empty part and no wildcard")
    return name


def _entry_value(scanner: Scanner) -> tuple[str, bytes | None]:
    name = _entry(scanner)
    scanner.need(" ")
    return name, scanner.octets()
