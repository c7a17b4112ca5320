"""FETCH and UID FETCH.

Sections: RFC 9051 §6.4.5, §9; RFC 3501 §6.4.5; RFC 3516 §4.2; RFC 7162 §3.1.4, §3.2.6; RFC 8474 §5; RFC 8514 §4.2;
RFC 8970 §3.1, §4.1; RFC 9394 §3.3.
"""

from __future__ import annotations

import functools
import re

from pillarbox.wire.imap.fetch_item import (
    ALL,
    FAST,
    FULL,
    Binary,
    BinarySize,
    FetchItem,
    Plain,
    Preview,
    Section,
)
from pillarbox.wire.imap.message_command import Fetch, Partial
from pillarbox.wire.imap.refusal import Refused
from pillarbox.wire.imap.scanner import Scanner
from pillarbox.wire.imap.sequence_set import SequenceSet
from pillarbox.wire.imap.set_syntax import listed, partial, sequence_set

_MACROS: dict[str, tuple[FetchItem, ...]] = {"ALL": ALL, "FAST": FAST, "FULL": FULL}
_PLAIN = {item.value: item for item in Plain}
# The items of RFC 3501 for parts of a message: what they stand for, and the name that their answer has.
_RFC822 = {
    "RFC822": Section(label="RFC822"),
    "RFC822.HEADER": Section(what="HEADER", is_peek=True, label="RFC822.HEADER"),
    "RFC822.TEXT": Section(what="TEXT", label="RFC822.TEXT"),
}
_NAME = re.compile(r"[A-Za-z0-9.]+")
_PART = re.compile(r"[1-9][0-9]{0,8}(?:\.[1-9][0-9]{0,8})*")
_WHAT = re.compile(r"HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME", re.IGNORECASE)
_LAZY = re.compile(r" \(LAZY\)", re.IGNORECASE)
# What most clients ask, always in the same words: such a text is parsed once and kept. It holds no string, and at most
# two levels of parentheses.
_USUAL = re.compile(r'(?!(?i:PREVIEW))[A-Za-z0-9.]+(?= |\Z)|\((?:[^()"{}\n]|\([^()"{}\n]*\)){1,300}\)')
_USUAL_LENGTH = 500
_MOST_LEVELS = 100
_MOST_ITEMS = 200


def fetch(scanner: Scanner, *, is_uid: bool) -> Fetch:
    """FETCH: a set, items, modifiers."""
    scanner.need(" ")
    numbers = sequence_set(scanner)
    scanner.need(" ")
    items = fetch_items(scanner)
    if scanner.is_at_end():
        return Fetch(numbers, items, is_uid)
    scanner.need(" (")
    return _modified(scanner, numbers, items, is_uid=is_uid)


def fetch_items(scanner: Scanner) -> tuple[FetchItem, ...]:
    """A macro, an item, or several in parentheses."""
    match = _USUAL.match(scanner.text, scanner.at)
    if match and len(match[0]) <= _USUAL_LENGTH:
        scanner.at = match.end()
        return _usual_items(match[0])
    return _items(scanner)


@functools.lru_cache(maxsize=512)
def _usual_items(text: str) -> tuple[FetchItem, ...]:
    scanner = Scanner(text)
    items = _items(scanner)
    scanner.end()
    return items


def _items(scanner: Scanner) -> tuple[FetchItem, ...]:
    if scanner.sees("("):
        return listed(scanner, fetch_item, most=_MOST_ITEMS)
    at = scanner.at
    macro = _MACROS.get(scanner.match(_NAME, "what to fetch")[0].upper())
    if macro is not None:
        return macro
    scanner.at = at
    return (fetch_item(scanner),)


def fetch_item(scanner: Scanner) -> FetchItem:
    """One item."""
    name = scanner.match(_NAME, "what to fetch")[0].upper()
    if scanner.sees("["):
        return _bracketed(scanner, name)
    if name == "PREVIEW":
        return _preview(scanner)
    item = _PLAIN.get(name) or _RFC822.get(name)
    if item is None:
        raise Refused("FETCH knows no such item")
    return item


def _bracketed(scanner: Scanner, name: str) -> FetchItem:
    scanner.need("[")
    if name in ("BODY", "BODY.PEEK"):
        part, what, fields = _section(scanner)
        scanner.need("]")
        return Section(part, what, fields, name == "BODY.PEEK", _octets(scanner))
    part = _part(scanner)
    scanner.need("]")
    if name == "BINARY.SIZE":
        return BinarySize(part)
    if name not in ("BINARY", "BINARY.PEEK"):
        raise Refused("FETCH knows no such item")
    return Binary(part, name == "BINARY.PEEK", _octets(scanner))


def _part(scanner: Scanner) -> tuple[int, ...]:
    if scanner.sees("]"):
        return ()
    numbers = scanner.match(_PART, "the numbers of a part")[0].split(".")
    if len(numbers) > _MOST_LEVELS:
        raise Refused("The part lies too deep")
    return tuple(map(int, numbers))


def section_of(text: str, partial: tuple[int, int] | None = None) -> Section:
    """A section by what stands between the brackets of BODY[...]. Raises Refused."""
    scanner = Scanner(f"{text}]")
    part, what, fields = _section(scanner)
    scanner.need("]")
    scanner.end()
    return Section(part, what, fields, is_peek=True, partial=partial)


def _section(scanner: Scanner) -> tuple[tuple[int, ...], str, tuple[str, ...]]:
    if scanner.sees("]"):
        return (), "", ()
    part: tuple[int, ...] = ()
    if _PART.match(scanner.text, scanner.at):
        part = _part(scanner)
        if not scanner.has("."):
            return part, "", ()
    what = scanner.match(_WHAT, "a part's number, HEADER, TEXT or MIME")[0].upper()
    if what == "MIME" and not part:
        raise Refused("MIME stands after a part's number")
    fields: tuple[str, ...] = ()
    if what.startswith("HEADER.FIELDS"):
        scanner.need(" ")
        fields = listed(scanner, Scanner.astring)
    return part, what, fields


def _octets(scanner: Scanner) -> tuple[int, int] | None:
    """`<offset.count>`."""
    if not scanner.has("<"):
        return None
    offset = scanner.number64()
    scanner.need(".")
    count = scanner.number64(1)
    scanner.need(">")
    return offset, count


def _preview(scanner: Scanner) -> Preview:
    """PREVIEW, and after a space perhaps (LAZY); other parentheses there are modifiers of FETCH."""
    return Preview(is_lazy=scanner.passes(_LAZY))


def _modified(scanner: Scanner, numbers: SequenceSet, items: tuple[FetchItem, ...], *, is_uid: bool) -> Fetch:
    changed_since: int | None = None
    wants_vanished = False
    window: Partial | None = None
    while True:
        name = scanner.word()
        if name == "CHANGEDSINCE" and changed_since is None:
            scanner.need(" ")
            changed_since = scanner.number64()  # the grammar begins at 1, but clients send 0, which means: all
        elif name == "VANISHED" and is_uid and not wants_vanished:
            wants_vanished = True
        elif name == "PARTIAL" and window is None:
            scanner.need(" ")
            window = partial(scanner)
        else:
            raise Refused("FETCH has no such modifier here")
        if not scanner.has(" "):
            break
    scanner.need(")")
    scanner.end()
    # RFC 7162 §3.2.6: VANISHED "MUST only be specified together with the CHANGEDSINCE" modifier.
    if wants_vanished and changed_since is None:
        raise Refused("VANISHED needs CHANGEDSINCE")
    return Fetch(numbers, items, is_uid, changed_since, wants_vanished, window)
