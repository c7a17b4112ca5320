"""NOTIFY, and the mailboxes that it and ESEARCH name.

Sections: RFC 5465 §3, §5, §6, §8; RFC 7377 §2.2, §4.
"""

from __future__ import annotations

import re

from pillarbox.wire.imap.access_command import EventGroup, Notify
from pillarbox.wire.imap.fetch_item import FetchItem
from pillarbox.wire.imap.fetch_syntax import fetch_item
from pillarbox.wire.imap.message_command import Scope
from pillarbox.wire.imap.refusal import Refused
from pillarbox.wire.imap.scanner import Scanner
from pillarbox.wire.imap.set_syntax import listed, spaced

_NONE = re.compile(r"NONE\)", re.IGNORECASE)
_ALONE = frozenset({"selected", "selected-delayed", "inboxes", "personal", "subscribed"})
_NAMED = frozenset({"subtree", "subtree-one", "mailboxes"})
_SELECTED = frozenset({"selected", "selected-delayed"})
_MESSAGE_EVENTS = frozenset({"MESSAGENEW", "MESSAGEEXPUNGE", "FLAGCHANGE", "ANNOTATIONCHANGE"})
_BOTH = frozenset({"MESSAGENEW", "MESSAGEEXPUNGE"})
_MOST_GROUPS = 100


def notify(scanner: Scanner) -> Notify:
    """NOTIFY. Events that nobody knows are the server's to refuse, with the names of those that it knows."""
    scanner.need(" ")
    name = scanner.word()
    if name == "NONE":
        scanner.end()
        return Notify(None)
    if name != "SET":
        raise Refused("NOTIFY has SET and NONE")
    scanner.need(" ")
    with_status = not scanner.sees("(")
    if with_status:
        if scanner.word() != "STATUS":
            raise Refused("NOTIFY SET has STATUS or a group of events")
        scanner.need(" ")
    groups = spaced(scanner, _group, most=_MOST_GROUPS)
    scanner.end()
    if sum(group.filter in _SELECTED for group in groups) > 1:
        raise Refused("Only one group is for the selected mailbox")
    return Notify(groups, with_status)


def scope(scanner: Scanner) -> Scope:
    """Which mailboxes are meant: a word, after some of them names."""
    kind = scanner.word().lower()
    if kind in _ALONE:
        return Scope(kind)
    if kind not in _NAMED:
        raise Refused("Expected which mailboxes are meant")
    scanner.need(" ")
    if not scanner.sees("("):
        return Scope(kind, (scanner.mailbox(),))
    return Scope(kind, listed(scanner, Scanner.mailbox))


def _group(scanner: Scanner) -> EventGroup:
    scanner.need("(")
    which = scope(scanner)
    if which.kind == "subtree-one":
        raise Refused("Only ESEARCH has subtree-one")
    scanner.need(" ")
    if scanner.passes(_NONE):
        return EventGroup(which.kind, which.mailboxes)
    # The grammar wants parentheses around the events; the examples of RFC 5465 §3.1 have none.
    pairs = listed(scanner, _event) if scanner.sees("(") else spaced(scanner, _event)
    scanner.need(")")
    events = tuple(name for name, _ in pairs)
    items = tuple(item for _, items in pairs for item in items)
    _check(which.kind, frozenset(events), has_items=bool(items))
    return EventGroup(which.kind, which.mailboxes, events, items)


def _event(scanner: Scanner) -> tuple[str, tuple[FetchItem, ...]]:
    name = scanner.word()
    if name == "MESSAGENEW" and scanner.has(" ("):
        scanner.at -= 1
        return name, listed(scanner, fetch_item)
    return name, ()


def _check(kind: str, events: frozenset[str], *, has_items: bool) -> None:
    # RFC 5465 §5: events of messages want MessageNew and MessageExpunge, both; "Otherwise, the server MUST respond with
    # the tagged BAD response."
    if events & _MESSAGE_EVENTS and not events >= _BOTH:
        raise Refused("MessageNew and MessageExpunge stand together")
    if kind in _SELECTED:
        if not events <= _MESSAGE_EVENTS:
            raise Refused("The selected mailbox has events of messages only")
    elif has_items:
        raise Refused("What to fetch is told for the selected mailbox only")
