"""MYRIGHTS, GETACL, LISTRIGHTS, SETACL and DELETEACL (RFC 4314).

An account is shared as a whole, by an administrator (ADR 0009, ADR 0030): these commands tell the truth about that, and
change nothing. LISTRIGHTS says so in the protocol's own terms: there is no right that could be granted or taken.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pillarbox.core.account import DIRECTORY
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.admin.name import login_name
from pillarbox.servers.imap.done import Done, bad, no, ok
from pillarbox.servers.imap.namespace import Place
from pillarbox.servers.imap.rights import KNOWN, delegated, members, rights_of
from pillarbox.servers.imap.session import Session
from pillarbox.storage.snapshot import Snapshot
from pillarbox.wire.imap import access_command as a
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap.response import astring, to_bytes
from pillarbox.wire.imap.response import mailbox as mailbox_word

Acl = Mapping[str, str]  # name -> rights


async def my_rights(session: Session, command: a.MyRights) -> Done:
    """Say what one may do oneself."""
    place = await session.read(lambda view: session.find(view, command.mailbox))
    session.say(my_rights_line(session, place))
    return ok("These are your rights")


def my_rights_line(session: Session, place: Place) -> bytes:
    """The untagged MYRIGHTS of a mailbox (RFC 4314 §3.8)."""
    name = mailbox_word(place.name, is_utf8=session.is_utf8)
    return to_bytes(f"* MYRIGHTS {name} {rights_of(place.access, place.mailbox)}\r\n")


async def get_acl(session: Session, command: a.GetAcl) -> Done:
    """Say who may do what."""

    def body(view: Snapshot) -> Acl:
        return _acl(view, _administered(session, view, command.mailbox))

    acl = await session.read(body)
    pairs = "".join(f" {astring(name, is_utf8=session.is_utf8)} {rights}" for name, rights in acl.items())
    session.say(to_bytes(f"* ACL {mailbox_word(command.mailbox, is_utf8=session.is_utf8)}{pairs}\r\n"))
    return ok("These are the rights")


async def list_rights(session: Session, command: a.ListRights) -> Done:
    """Say which rights somebody has whatever is done here, and which could be granted: none.

    Whether there is anybody of that name is not told.
    """
    if not (name := login_name(command.identifier)):
        return bad("That is nobody's name")  # RFC 4314 §3

    def body(view: Snapshot) -> str:
        return _acl(view, _administered(session, view, command.mailbox)).get(name, "")

    rights = await session.read(body)
    mailbox = mailbox_word(command.mailbox, is_utf8=session.is_utf8)
    # RFC 4314 §3.4: the identifier stands "always ... as specified by the client".
    who = astring(command.identifier, is_utf8=session.is_utf8)
    session.say(to_bytes(f"* LISTRIGHTS {mailbox} {who} {astring(rights)}\r\n"))
    return ok("Nothing else can be granted")


async def set_acl(session: Session, command: a.SetAcl) -> Done:
    """Refuse to change rights, unless that changes nothing."""
    asked = command.rights or ""
    # RFC 4314 §3.1: "an unrecognized right MUST cause the command to return the BAD response".
    if unknown := set(asked) - set(KNOWN):
        return bad(f"There is no right {min(unknown)}")
    if not (name := login_name(command.identifier)):
        return bad("That is nobody's name")

    def body(view: Snapshot) -> frozenset[str]:
        return members(_acl(view, _administered(session, view, command.mailbox)).get(name, ""))

    present = await session.read(body)
    given = members(asked)
    wanted = {"+": present | given, "-": present - given}.get(command.operation, given)
    if wanted == present:
        return ok("It is so already")
    return no("Accounts are shared as a whole, by an administrator", "CANNOT")


def _administered(session: Session, view: Snapshot, name: str) -> Place:
    """A mailbox whose rights are one's own to see. Raises NOT_FOUND, and FORBIDDEN."""
    place = session.find(view, name)
    if "a" not in rights_of(place.access, place.mailbox):
        raise Fault(Kind.FORBIDDEN, "Only the owner of the account sees that")
    return place


def _acl(view: Snapshot, place: Place) -> Acl:
    """Everybody's rights: the owner's first."""
    out = {place.access.name: rights_of(place.access, place.mailbox)}
    account = view.get(ACCOUNT, DIRECTORY, place.account)
    if account is not None:
        names = {id: other.name for id, other in view.get_many(ACCOUNT, DIRECTORY, account.delegates).items()}
        by_name = sorted((name, account.delegates[id]) for id, name in names.items())
        out.update((name, delegated(right, place.mailbox)) for name, right in by_name)
    return out


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {
    a.MyRights: my_rights,
    a.GetAcl: get_acl,
    a.ListRights: list_rights,
    a.SetAcl: set_acl,
}
