"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE and NAMESPACE (RFC 9051 §6.3.4-§6.3.8, §6.3.10; RFC 6154)."""

from __future__ import annotations

import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from pillarbox.core.account import Access
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.mailbox import MAILBOX, id_of_role
from pillarbox.datatypes.mailbox_name import SEPARATOR, to_level
from pillarbox.datatypes.subscription import names_without_mailbox, unsubscribe_name
from pillarbox.servers.imap.done import Done, no, ok
from pillarbox.servers.imap.listing import renamed_line
from pillarbox.servers.imap.namespace import OTHERS, Place, name_in
from pillarbox.servers.imap.session import Session
from pillarbox.servers.imap.special_use import role_of
from pillarbox.services.mail import mailbox_change
from pillarbox.services.mail.mailbox_named import split
from pillarbox.services.mail.mailbox_path import Path
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.transaction import Transaction
from pillarbox.wire.imap import command as c


async def create(session: Session, command: c.Create) -> Done:
    """Make a mailbox, perhaps for a special use."""
    access, path = _new_place(session, command.mailbox)
    roles = {role_of(use) for use in command.uses}
    if None in roles or len(roles) > 1:
        return no("A mailbox cannot be for that", "USEATTR")
    role = next(iter(roles), None)

    def body(tx: Transaction) -> str:
        if role is not None and id_of_role(tx, access.account, role) is not None:
            raise Fault(Kind.INVALID_PROPERTIES, "Another mailbox is for that")
        return mailbox_change.create(tx, access.account, path, role).id

    try:
        id = await session.news.write(body, access.account)
    except Fault as fault:
        if role is None or fault.kind is not Kind.INVALID_PROPERTIES:
            raise
        return no(str(fault), "USEATTR")
    _tell_name(session, command.mailbox, access, path)
    return ok("Made", f"MAILBOXID ({id})")  # RFC 8474 §4.1


async def delete(session: Session, command: c.Delete) -> Done:
    """Destroy a mailbox with the messages that are only in it."""
    place = await _writable(session, command.mailbox)
    assert session.logged_in is not None
    caller = session.logged_in.caller
    await session.news.write(
        lambda tx: mailbox_change.destroy(tx, caller, place.access, place.mailbox), place.account, slow=True
    )
    if session.selected is not None and session.selected.place.id == place.id:
        session.unselect()
        session.say(b"* OK [CLOSED] It was the one that was selected\r\n")
    return ok("Gone")


async def rename(session: Session, command: c.Rename) -> Done:
    """Give a mailbox another name; of INBOX, the messages move."""
    place = await _writable(session, command.mailbox)
    access, path = _new_place(session, command.new_name)
    if access.account != place.account:
        return no("A mailbox stays in its account; copy the messages", "CANNOT")

    def body(tx: Transaction) -> None:
        box = tx.get(MAILBOX, place.account, place.id)
        if box is None:
            raise Fault(Kind.NOT_FOUND, "There is no such mailbox")
        if box.role == "inbox":
            mailbox_change.move_content(tx, place.account, box, path)
        else:
            mailbox_change.rename(tx, place.account, box, path)

    await session.news.write(body, place.account, slow=place.mailbox.role == "inbox")
    _tell_name(session, command.new_name, access, path)
    return ok("Renamed")


def _tell_name(session: Session, asked: str, access: Access, path: Path) -> None:
    """Tell under which name a new mailbox is to be found, if it is another (RFC 9051 §6.3.4)."""
    name = name_in(session.accounts, access, SEPARATOR.join(map(to_level, path)))
    if session.is_rev2 and name != asked:
        session.say(renamed_line(name, asked))


async def subscribe(session: Session, command: c.Subscribe) -> Done:
    """Have a mailbox listed among the subscribed ones, or not."""
    found = await session.read(lambda view: _place_or_name(session, view, command.mailbox))
    if isinstance(found, Name):
        return await _subscribe_name(session, found, is_on=command.is_on)
    place = found
    if place.access is not session.access and place.account != session.access.account:
        if place.mailbox.is_subscribed == command.is_on:
            return ok("It is so already")
        return no("The owner of the account decides that", "CANNOT")

    def body(tx: Transaction) -> None:
        box = tx.get(MAILBOX, place.account, place.id)
        if box is None:
            raise Fault(Kind.NOT_FOUND, "There is no such mailbox")
        tx.write(MAILBOX, place.account, box, msgspec.structs.replace(box, is_subscribed=command.is_on))

    await session.news.write(body, place.account)
    return ok("Subscribed" if command.is_on else "Unsubscribed")


class Name(NamedTuple):
    """A subscribed name that no mailbox has, in an account."""

    account: str
    name: str


def _place_or_name(session: Session, view: Snapshot, name: str) -> Place | Name:
    """The mailbox of a name, or else the name, when it is subscribed without one. Raises NOT_FOUND."""
    try:
        return session.find(view, name)
    except Fault:
        access, rest = split(session.accounts, unicodedata.normalize("NFC", name))
        if access is None or rest not in names_without_mailbox(view, access.account):
            raise
        return Name(access.account, rest)


async def _subscribe_name(session: Session, name: Name, *, is_on: bool) -> Done:
    if is_on:
        return ok("It is so already")
    if name.account != session.access.account:
        return no("The owner of the account decides that", "CANNOT")
    await session.news.write(lambda tx: unsubscribe_name(tx, name.account, name.name), name.account)
    return ok("Unsubscribed")


async def namespace(session: Session, _command: c.Namespace) -> Done:
    """Say where mailboxes are: one's own, those of other users, none that belong to nobody."""
    theirs = f'(("{OTHERS}{SEPARATOR}" "{SEPARATOR}"))' if len(session.accounts) > 1 else "NIL"
    session.say(f'* NAMESPACE (("" "{SEPARATOR}")) {theirs} NIL\r\n'.encode())
    return ok("These are the namespaces")


async def _writable(session: Session, name: str) -> Place:
    """The mailbox of a name. Raises NOT_FOUND, and ACCOUNT_READ_ONLY."""
    place = await session.read(lambda view: session.find(view, name))
    _check_writable(place.access)
    return place


def _new_place(session: Session, name: str) -> tuple[Access, Path]:
    """The account and the path of a mailbox that is to be. Raises Fault."""
    access, rest = split(session.accounts, name)
    if access is None or name == OTHERS:
        raise Fault(Kind.FORBIDDEN, "No mailbox can be made there")
    _check_writable(access)
    return access, mailbox_change.path_of(rest, SEPARATOR)


def _check_writable(access: Access) -> None:
    if access.is_read_only:
        raise Fault(Kind.ACCOUNT_READ_ONLY, "You may only read in this account")


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {
    c.Create: create,
    c.Delete: delete,
    c.Rename: rename,
    c.Subscribe: subscribe,
    c.Namespace: namespace,
}
