"""LIST in all its forms, and LSUB.

Sections: RFC 9051 §6.3.9; RFC 3501 §6.3.9; RFC 5258; RFC 5819; RFC 6154; RFC 8440; RFC 9590.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pillarbox.datatypes.mailbox_name import SEPARATOR
from pillarbox.datatypes.subscription import names_without_mailbox
from pillarbox.servers.imap.acl import my_rights_line
from pillarbox.servers.imap.done import Done, ok
from pillarbox.servers.imap.metadata import metadata_of
from pillarbox.servers.imap.namespace import Place, name_in
from pillarbox.servers.imap.pattern import Patterns
from pillarbox.servers.imap.session import Session
from pillarbox.servers.imap.special_use import attribute_of
from pillarbox.servers.imap.status import status_line
from pillarbox.storage.snapshot import Snapshot
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap.response import mailbox as mailbox_word
from pillarbox.wire.imap.response import to_bytes

_AT_ONCE = 1_000_000  # octets of responses, in memory


@dataclass(slots=True)
class Entry:
    """A name that may be listed: a mailbox, only a level above some, or one that is subscribed and has no mailbox."""

    name: str
    place: Place | None
    has_children: bool = False
    has_subscribed_below: bool = False
    is_kept: bool = False  # subscribed, while there is no mailbox (RFC 9051 §6.3.7)

    @property
    def is_subscribed(self) -> bool:
        return self.is_kept or (self.place is not None and self.place.mailbox.is_subscribed)


async def list_(session: Session, command: c.List) -> Done:
    """List mailboxes."""
    if command.patterns == ("",) and not command.is_lsub and not command.is_extended:
        # RFC 9051 §6.3.9: an empty name asks for the separator and the root of the reference.
        session.say(f'* LIST (\\Noselect) "{SEPARATOR}" ""\r\n'.encode())
        return ok("This is the separator")
    if "HIGHESTMODSEQ" in command.status:
        session.enable_condstore()  # RFC 7162 §3.1: asking for it enables it
    done: set[str] = set()
    has_more = True
    while has_more:
        read = partial(_piece, session, command, done)
        lines, has_more = await session.read(read, slow=len(command.patterns) > 1)
        session.say(lines)
        await session.line.drain()  # no more of it is in memory than the client is about to take
    return ok("That is all")


def _piece(session: Session, command: c.List, done: set[str], view: Snapshot) -> tuple[bytes, bool]:
    """What is told of some mailboxes that are not `done`, and whether there may be more."""
    patterns = Patterns([command.reference + pattern for pattern in command.patterns])
    kept = _kept(session, view) if command.is_lsub or "SUBSCRIBED" in command.selection else []
    names: list[str] = []
    out: list[bytes] = []
    octets = 0
    for entry in _entries(session.service.names.all(view, session.accounts), kept):
        if entry.name in done or not patterns.match(entry.name):
            continue
        names.append(entry.name)
        lines = b"".join(_lines(session, view, entry, command))
        out.append(lines)
        octets += len(lines)
        if octets > _AT_ONCE:
            break
    done.update(names)  # not before: this may be broken off, and run again
    return b"".join(out), octets > _AT_ONCE


def _lines(session: Session, view: Snapshot, entry: Entry, command: c.List) -> Iterator[bytes]:
    """What is told of a name, if it is listed."""
    line = _lsub_line(session, entry, command) if command.is_lsub else _line(session, entry, command)
    if line is not None:
        yield line
        if entry.place is not None:
            yield from _more(session, view, entry.place, command)


def _more(session: Session, view: Snapshot, place: Place, command: c.List) -> Iterator[bytes]:
    """What RETURN asks for beside the line of a mailbox."""
    if command.status:
        yield status_line(session, view, place, command.status)
    if "SUBSCRIBED" in command.selection and not place.mailbox.is_subscribed:
        return  # RFC 8440 §4: it is listed for what is below it only
    if "MYRIGHTS" in command.returned:
        yield my_rights_line(session, place)
    if command.metadata is not None:
        yield metadata_of(session, view, place, command.metadata)


def _kept(session: Session, view: Snapshot) -> list[str]:
    accounts = session.accounts
    return [name_in(accounts, one, name) for one in accounts for name in names_without_mailbox(view, one.account)]


def _entries(places: Iterable[Place], kept: Iterable[str]) -> list[Entry]:
    """All names, levels that are no mailboxes before what is below them; then those `kept` that have no mailbox."""
    found: dict[str, Entry] = {}
    for place in places:
        names = place.name.split(SEPARATOR)
        for depth in range(1, len(names)):
            above = SEPARATOR.join(names[:depth])
            entry = found.setdefault(above, Entry(above, None))
            entry.has_children = True
            entry.has_subscribed_below |= place.mailbox.is_subscribed
        found.setdefault(place.name, Entry(place.name, place)).place = place
    for name in sorted(kept):
        names = name.split(SEPARATOR)
        for depth in range(1, len(names)):
            above = SEPARATOR.join(names[:depth])
            found.setdefault(above, Entry(above, None)).has_subscribed_below = True
        found.setdefault(name, Entry(name, None)).is_kept = True
    return list(found.values())


def _line(session: Session, entry: Entry, command: c.List) -> bytes | None:
    selection, returned = command.selection, command.returned
    use = attribute_of(entry.place.mailbox.role) if entry.place is not None else None
    child_info = ""
    # RFC 9051 §6.3.9.1: with RECURSIVEMATCH also the parents of what is selected.
    is_above = {"SUBSCRIBED", "RECURSIVEMATCH"} <= selection and entry.has_subscribed_below
    if "SUBSCRIBED" in selection and not (entry.is_subscribed or is_above):
        return None
    if is_above:
        child_info = ' ("CHILDINFO" ("SUBSCRIBED"))'
    if "SPECIAL-USE" in selection and use is None:
        return None
    attributes = []
    if entry.place is None:
        attributes.append("\\NonExistent" if session.is_rev2 or command.is_extended else "\\Noselect")
    if entry.is_subscribed and ("SUBSCRIBED" in selection or "SUBSCRIBED" in returned):
        attributes.append("\\Subscribed")
    attributes.append("\\HasChildren" if entry.has_children else "\\HasNoChildren")
    if use is not None:
        attributes.append(use)
    return _say("LIST", attributes, entry.name, session, child_info)


def _lsub_line(session: Session, entry: Entry, command: c.List) -> bytes | None:
    if entry.is_subscribed:
        return _say("LSUB", [] if entry.place is not None else ["\\NonExistent"], entry.name, session)
    # RFC 3501 §6.3.9: with % a level is listed when something below it is subscribed that % does not reach.
    if entry.has_subscribed_below and command.patterns[0].endswith("%"):
        return _say("LSUB", ["\\Noselect"], entry.name, session)
    return None


def renamed_line(name: str, asked: str) -> bytes:
    """The untagged LIST that tells a client of IMAP4rev2 the name of what it has asked for (RFC 9051 §7.3.1)."""
    shown, old = mailbox_word(name, is_utf8=True), mailbox_word(asked, is_utf8=True)
    tail = f' ("OLDNAME" ({old}))' if name != asked else ""
    return to_bytes(f'* LIST () "{SEPARATOR}" {shown}{tail}\r\n')


def _say(word: str, attributes: list[str], name: str, session: Session, tail: str = "") -> bytes:
    spelled = mailbox_word(name, is_utf8=session.is_utf8)
    return to_bytes(f'* {word} ({" ".join(attributes)}) "{SEPARATOR}" {spelled}{tail}\r\n')


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {c.List: list_}
