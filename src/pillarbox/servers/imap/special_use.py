"""What a mailbox is for: roles of JMAP and attributes of IMAP (RFC 6154, RFC 8457, RFC 8621 §2, RFC 9979)."""

from __future__ import annotations

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.mailbox import MAILBOX, id_of_role
from pillarbox.datatypes.view import Transaction
from pillarbox.servers.imap.done import Ended, no

# The inbox has its name instead.
_ATTRIBUTES = {
    "all": "\\All",
    "archive": "\\Archive",
    "drafts": "\\Drafts",
    "flagged": "\\Flagged",
    "important": "\\Important",
    "junk": "\\Junk",
    "memos": "\\Memos",
    "scheduled": "\\Scheduled",
    "sent": "\\Sent",
    "snoozed": "\\Snoozed",
    "trash": "\\Trash",
}
_ROLES = {attribute.lower(): role for role, attribute in _ATTRIBUTES.items()}


def attribute_of(role: str | None) -> str | None:
    """The attribute that LIST shows for a role; None for none."""
    return _ATTRIBUTES.get(role) if role is not None else None


def role_of(attribute: str) -> str | None:
    """The role that CREATE's USE asks for; None for an attribute that is not known."""
    return _ROLES.get(attribute.lower())


def give_use(tx: Transaction, account: str, id: str, value: bytes | None) -> list[str]:
    """Give a mailbox the special use that /private/specialuse says, or none; the ids of those that lose it to this one.

    RFC 6154 §4: changes are checked as those of CREATE are. A mailbox has one use here. Raises Ended, and Fault.
    """
    box = tx.get(MAILBOX, account, id)
    if box is None:
        raise Fault(Kind.NOT_FOUND, "There is no such mailbox")
    text = (value or b"").decode("ascii", "replace").strip()
    role = role_of(text) if text else None
    if (text and role is None) or box.role == "inbox":
        raise Ended(no("The mailbox cannot be for that", "USEATTR"))
    before = id_of_role(tx, account, role) if role is not None else None
    lost = [before] if before is not None and before != id else []
    for other in tx.get_many(MAILBOX, account, lost).values():
        tx.write(MAILBOX, account, other, msgspec.structs.replace(other, role=None))
    tx.write(MAILBOX, account, box, msgspec.structs.replace(box, role=role))
    return lost
