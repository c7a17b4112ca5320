"""Making, renaming and destroying mailboxes by path, as protocols do that know no ids (RFC 9051 §6.3.4-§6.3.6)."""

from __future__ import annotations

import msgspec

from pillarbox.core.account import Access, Caller
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.annotation import copy_annotations
from pillarbox.datatypes.declare import MethodCall
from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox
from pillarbox.datatypes.mailbox_name import from_level
from pillarbox.datatypes.view import Transaction
from pillarbox.services.mail.mailbox_path import Path, paths_of

_replace = msgspec.structs.replace


def create(tx: Transaction, account: str, path: Path, role: str | None = None) -> Mailbox:
    """Make a mailbox, and what is missing above it.

    Raises Fault: alreadyExists when it is there, or what the rules of mailboxes say.
    """
    parent = _make_parents(tx, account, path)
    return _make(tx, account, path[-1], parent, role)


def rename(tx: Transaction, account: str, box: Mailbox, path: Path) -> None:
    """Give a mailbox another name and place, and with it all that is below it. Raises Fault."""
    parent = _make_parents(tx, account, path)
    tx.write(MAILBOX, account, box, _replace(box, name=path[-1], parent_id=parent))


def move_content(tx: Transaction, account: str, box: Mailbox, path: Path) -> None:
    """Make a mailbox and move all messages of another one into it: what renaming INBOX means (RFC 9051 §6.3.6)."""
    new = create(tx, account, path)
    for id in tx.member_ids(EMAIL, account, box.id):
        email = tx.get(EMAIL, account, id)
        assert email is not None
        boxes = {**{m: True for m in email.mailbox_ids if m != box.id}, new.id: True}
        tx.write(EMAIL, account, email, _replace(email, mailbox_ids=boxes))
    copy_annotations(tx, account, box.id, new.id)  # RFC 5464 §4.1: INBOX keeps its own


def destroy(tx: Transaction, caller: Caller, access: Access, box: Mailbox) -> None:
    """Destroy a mailbox, and the messages that are in no other one. Raises Fault: hasChild, forbidden."""
    call = MethodCall(caller, access, "Mailbox/set", {"onDestroyRemoveEmails": True})
    MAILBOX.rules.may_destroy(tx, call, box)
    # Removing its messages has changed its counters.
    tx.write(MAILBOX, access.account, tx.get(MAILBOX, access.account, box.id) or box, None)


def _make_parents(tx: Transaction, account: str, path: Path) -> str | None:
    known = {path: id for id, path in paths_of(tx, account).items()}
    if path in known:
        raise Fault(Kind.ALREADY_EXISTS, "There is a mailbox of this name", existing_id=known[path])
    parent: str | None = None
    for end in range(1, len(path)):
        above = path[:end]
        parent = known.get(above) or _make(tx, account, above[-1], parent, None).id
    return parent


def _make(tx: Transaction, account: str, name: str, parent: str | None, role: str | None) -> Mailbox:
    box = Mailbox(id=tx.new_id(MAILBOX), name=name, parent_id=parent, role=role)
    tx.write(MAILBOX, account, None, box)
    return box


def path_of(name: str, separator: str) -> Path:
    """The path that a name means, in normalisation form C. Raises invalidProperties for one with an empty part."""
    parts = tuple(map(from_level, name.split(separator)))
    if not all(parts):
        raise Fault(Kind.INVALID_PROPERTIES, "A part of the name is empty", properties=["name"])
    return parts
