"""The commands that are about a mailbox as a whole.

Sections: RFC 9051 §6.3.2-§6.3.8, §6.3.11; RFC 3501 §6.3; RFC 6154 §3; RFC 7162 §3.1.8, §3.2.5; RFC 8474 §4.3;
RFC 7889 §3.1; RFC 9208 §4.1.4; RFC 4466 §2.1, §2.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pillarbox.wire.imap.command import Command, Create, Delete, Rename, Resync, Select, Status, Subscribe
from pillarbox.wire.imap.mailbox_name import SEPARATOR
from pillarbox.wire.imap.refusal import Refused
from pillarbox.wire.imap.scanner import ATOM_CHARS, Scanner
from pillarbox.wire.imap.set_syntax import known_set, listed

STATUS_ITEMS = frozenset(
    "MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE HIGHESTMODSEQ MAILBOXID APPENDLIMIT".split()
) | {"DELETED-STORAGE"}
_USE = re.compile(rf"\\[{ATOM_CHARS}]+")


def select(scanner: Scanner, *, is_read_only: bool) -> Select:
    """SELECT and EXAMINE, with CONDSTORE and QRESYNC as parameters."""
    scanner.need(" ")
    mailbox = scanner.mailbox()
    condstore, resync = False, None
    if scanner.has(" "):
        scanner.need("(")
        while True:
            name = scanner.word()
            if name == "CONDSTORE" and not condstore:
                condstore = True
            elif name == "QRESYNC" and resync is None:
                resync = _resync(scanner)
            else:
                raise Refused("SELECT has the parameters CONDSTORE and QRESYNC, each once")
            if not scanner.has(" "):
                break
        scanner.need(")")
    scanner.end()
    return Select(mailbox, is_read_only, condstore, resync)


def _resync(scanner: Scanner) -> Resync:
    """RFC 7162 §3.2.5: UIDVALIDITY, the last known modification sequence, known UIDs, and pairs of numbers and UIDs."""
    scanner.need(" (")
    uid_validity = scanner.number(1)
    scanner.need(" ")
    # A client that never saw a number sends 0, though the grammar begins at 1.
    modseq = scanner.number64()
    known = match = None
    if scanner.has(" ") and not scanner.sees("("):
        known = known_set(scanner)
        scanner.has(" ")
    if scanner.has("("):
        numbers = known_set(scanner)
        scanner.need(" ")
        match = (numbers, known_set(scanner))
        scanner.need(")")
    scanner.need(")")
    return Resync(uid_validity, modseq, known, match)


def create(scanner: Scanner) -> Create:
    """CREATE, with the USE of RFC 6154 §3. A separator at the end says that mailboxes below will follow."""
    scanner.need(" ")
    name = scanner.mailbox()
    uses: tuple[str, ...] = ()
    if scanner.has(" "):
        scanner.need("(")
        if scanner.word() != "USE":
            raise Refused("CREATE has the parameter USE")
        scanner.need(" ")
        uses = listed(scanner, lambda words: words.match(_USE, "a special use")[0], may_be_empty=True)
        scanner.need(")")
    scanner.end()
    stem = name.removesuffix(SEPARATOR)
    return Create(stem, uses, has_separator=stem != name)


def rename(scanner: Scanner) -> Rename:
    """RENAME."""
    scanner.need(" ")
    mailbox = scanner.mailbox()
    scanner.need(" ")
    new_name = scanner.mailbox()
    scanner.end()
    return Rename(mailbox, new_name)


def status(scanner: Scanner) -> Status:
    """STATUS."""
    scanner.need(" ")
    mailbox = scanner.mailbox()
    scanner.need(" ")
    items = listed(scanner, status_item)
    scanner.end()
    return Status(mailbox, items)


def status_item(scanner: Scanner) -> str:
    """The name of something that STATUS tells."""
    name = scanner.word()
    if name not in STATUS_ITEMS:
        raise Refused("STATUS knows no such item")
    return name


def named(make: Callable[[str], Command]) -> Callable[[Scanner], Command]:
    """The parser of a command whose only argument is a mailbox."""

    def parse(scanner: Scanner) -> Command:
        scanner.need(" ")
        mailbox = scanner.mailbox()
        scanner.end()
        return make(mailbox)

    return parse


delete = named(Delete)
subscribe = named(lambda mailbox: Subscribe(mailbox, is_on=True))
unsubscribe = named(lambda mailbox: Subscribe(mailbox, is_on=False))
