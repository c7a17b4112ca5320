r"""IMAP's \Deleted on emails in a mailbox, and their end (RFC 9051 §2.3.2, §6.4.3, RFC 8621 §4.1.1).

What is \Deleted in a mailbox has left it for JMAP, and is still there for IMAP: until that is taken back, or expunged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from pillarbox.datatypes.email import EMAIL, Email
from pillarbox.datatypes.view import Transaction

_STEP = 500


def set_deleted(tx: Transaction, account: str, mailbox: str, ids: Sequence[str], *, on: bool) -> list[str]:
    r"""Set \Deleted on emails in a mailbox, or take it back; returns the ids of those that this changed.

    Emails that are not in the mailbox are left alone.
    """
    return _change(tx, account, ids, lambda email: flagged(email, mailbox, on=on))


def flagged(email: Email, mailbox: str, *, on: bool) -> Email:
    r"""An email with \Deleted set in a mailbox, or taken back; itself when it is so already, or not there."""
    if on and mailbox in email.mailbox_ids:
        left = {box: True for box in email.mailbox_ids if box != mailbox}
        return msgspec.structs.replace(email, mailbox_ids=left, deleted_ids=(*email.deleted_ids, mailbox))
    if not on and mailbox in email.deleted_ids:
        return email.placed({**email.mailbox_ids, mailbox: True})
    return email


def expunge(tx: Transaction, account: str, mailbox: str, ids: Sequence[str]) -> list[str]:
    r"""Remove emails from a mailbox in which they are \Deleted; returns the ids of those that went.

    An email that was in no other mailbox is destroyed.
    """
    return _change(tx, account, ids, lambda email: email.without(mailbox) if mailbox in email.deleted_ids else email)


def remove(tx: Transaction, account: str, mailbox: str, ids: Sequence[str]) -> list[str]:
    r"""Remove emails from a mailbox, \Deleted or not; returns the ids of those that went."""
    return _change(tx, account, ids, lambda email: email.without(mailbox))


def _change(tx: Transaction, account: str, ids: Sequence[str], change: Callable[[Email], Email | None]) -> list[str]:
    out = []
    for start in range(0, len(ids), _STEP):
        step = ids[start : start + _STEP]
        found = tx.get_with_deleted(EMAIL, account, step)
        for email in [found[id] for id in dict.fromkeys(step) if id in found]:
            new = change(email)
            if new != email:
                tx.write(EMAIL, account, email, new)
                out.append(email.id)
    return out
