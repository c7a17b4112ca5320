"""GETMETADATA (RFC 5464), what LIST returns of annotations (RFC 9590), and where they are kept.

What is private to somebody in a mailbox is kept in the mailbox's account, so that it goes with the mailbox; what is
private to them on the server, in their own. What all share on the server is in the directory, where administrators set
it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.annotation import ACCOUNT_ITSELF, ANNOTATION, OWNER, SHARED, annotations_of
from pillarbox.datatypes.view import View
from pillarbox.servers.imap.done import Done, ok
from pillarbox.servers.imap.namespace import Place
from pillarbox.servers.imap.session import Session
from pillarbox.servers.imap.special_use import attribute_of
from pillarbox.storage.snapshot import Snapshot
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap.response import NIL, astring, literal8, string
from pillarbox.wire.imap.response import mailbox as mailbox_word

SPECIAL_USE = "/private/specialuse"  # RFC 6154 §4
ADMIN = "/shared/admin"
Values = Mapping[str, bytes | None]
_QUOTABLE = 1_000
_MOST_CHANGES = 1_000  # annotations that are told of at a time


class Shelf(NamedTuple):
    """Where annotations are kept."""

    account: str
    mailbox: str
    user: str


def shelf_of(session: Session, place: Place | None, scope: str) -> Shelf:
    """Where those of a mailbox, or without one of the server, are kept that are `private` or `shared`."""
    assert session.logged_in is not None
    me = session.logged_in.caller.account
    if place is not None:
        owner = place.account
        return Shelf(owner, place.id, SHARED if scope == "shared" else OWNER if owner == me else me)
    return Shelf(DIRECTORY, ACCOUNT_ITSELF, SHARED) if scope == "shared" else Shelf(me, ACCOUNT_ITSELF, OWNER)


async def get_metadata(session: Session, command: c.GetMetadata) -> Done:
    """Tell the values of entries, and with DEPTH of those below them."""

    def body(view: Snapshot) -> Values:
        return _read(session, view, place_of(session, view, command.mailbox), command)

    values = await session.read(body)
    most = command.max_size
    told = {name: value for name, value in values.items() if most is None or len(value or b"") <= most}
    if told:
        session.say(metadata_line(session, command.mailbox, told))
    if len(told) < len(values):
        # RFC 5464 §4.2.1: "the size of the biggest entry value requested ... that exceeded the MAXSIZE limit".
        return ok("Some are longer", f"METADATA LONGENTRIES {max(len(value or b'') for value in values.values())}")
    return ok("These are the values")


def metadata_of(session: Session, view: Snapshot, place: Place, command: c.GetMetadata) -> bytes:
    """The untagged METADATA of a mailbox that LIST returns (RFC 9590 §3)."""
    return metadata_line(session, place.name, _read(session, view, place, command))


def metadata_line(session: Session, mailbox: str, values: Values) -> bytes:
    """The untagged METADATA with values (RFC 5464 §4.4.1)."""
    pairs = b" ".join([f"{astring(name)} ".encode() + _value(value) for name, value in values.items()])
    return f"* METADATA {mailbox_word(mailbox, is_utf8=session.is_utf8)} (".encode() + pairs + b")\r\n"


def changed_line(session: Session, mailbox: str, entries: Iterable[str]) -> bytes:
    """The untagged METADATA with names alone: these have changed (RFC 5464 §4.4.2)."""
    names = " ".join(map(astring, entries))
    return f"* METADATA {mailbox_word(mailbox, is_utf8=session.is_utf8)} {names}\r\n".encode()


def changed_lines(
    session: Session, view: View, account: str, since: int, name_of: Callable[[str], str | None]
) -> list[bytes]:
    """What has changed of annotations of an account after a number that its state was, of those that one may see.

    `name_of` is the name of the mailbox of an id, as far as it is to be told of.
    """
    assert session.logged_in is not None
    me = session.logged_in.caller.account
    changes = view.changes(ANNOTATION, account, str(since), _MOST_CHANGES)
    entries: dict[str, list[str]] = {}
    for one in view.get_many(ANNOTATION, account, [*changes.created, *changes.updated]).values():
        is_mine = one.user == (OWNER if account == me else me)
        if (is_mine or one.user == SHARED) and (name := name_of(one.mailbox_id)) is not None:
            entries.setdefault(name, []).append(f"/{'private' if is_mine else 'shared'}{one.entry}")
    return [changed_line(session, name, sorted(names)) for name, names in entries.items()]


def _value(value: bytes | None) -> bytes:
    if value is None:
        return NIL.encode()
    if value.isascii() and len(value) <= _QUOTABLE and (text := value.decode()).isprintable():
        return string(text).encode()
    return literal8(value)


def place_of(session: Session, view: Snapshot, mailbox: str) -> Place | None:
    """The mailbox of a name, None for the server. Raises NOT_FOUND."""
    return session.find(view, mailbox) if mailbox else None


def _read(session: Session, view: Snapshot, place: Place | None, command: c.GetMetadata) -> Values:
    present: dict[str, Values] = {}
    out: dict[str, bytes | None] = {}
    for name in command.entries:
        scope = name.split("/")[1]
        if scope not in present:
            present[scope] = _present(session, view, place, scope)
        values = present[scope]
        if not command.depth:
            out[name] = values.get(name)  # RFC 5464 §5: NIL for what is not there
        else:
            out.update((one, value) for one, value in values.items() if _is_within(one, name, command.depth))
    return out


def _present(session: Session, view: View, place: Place | None, scope: str) -> Values:
    """All entries of a scope by their whole names, the computed ones too."""
    kept = annotations_of(view, *shelf_of(session, place, scope)).values()
    out = {f"/{scope}{one.entry}": one.value for one in kept if one.value is not None}
    if place is None and scope == "shared":
        out[ADMIN] = session.service.settings.admin_url.encode()
    elif place is not None and scope == "private" and (use := attribute_of(place.mailbox.role)) is not None:
        out[SPECIAL_USE] = use.encode()
    return dict(sorted(out.items()))


def _is_within(name: str, top: str, depth: int) -> bool:
    below = name.removeprefix(f"{top}/")
    return name == top or (name.startswith(f"{top}/") and (depth < 0 or "/" not in below))


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {
    c.GetMetadata: get_metadata,
}
