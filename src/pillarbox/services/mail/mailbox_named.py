"""Mailboxes by the names that IMAP gives them, `Work/2026` and `Other Users/NAME/INBOX` (RFC 9051 §5.1)."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

from pillarbox.core.account import Access
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox
from pillarbox.datatypes.mailbox_name import OTHER_USERS, SEPARATOR, to_level
from pillarbox.datatypes.view import View
from pillarbox.services.mail.mailbox_path import paths_of


def split(accounts: Sequence[Access], name: str) -> tuple[Access | None, str]:
    """The account that a name is in, and the rest of the name; None when it is nobody's that one may see."""
    if not name.startswith(OTHER_USERS + SEPARATOR):
        return accounts[0], name
    owner, _, rest = name[len(OTHER_USERS) + 1 :].partition(SEPARATOR)
    found = next((a for a in accounts[1:] if a.name.casefold() == owner.casefold()), None)
    return found, "INBOX" if rest.upper() == "INBOX" else rest


def mailboxes_by_name(view: View, account: str) -> Mapping[str, Mailbox]:
    """All mailboxes of an account by their names in it, parents before their children."""
    boxes = {box.id: box for box in view.all(MAILBOX, account)}
    out: dict[str, Mailbox] = {}
    for id, path in sorted(paths_of(view, account).items(), key=lambda item: item[1]):
        name = SEPARATOR.join(map(to_level, path))
        out.setdefault(name, boxes[id])
    return out


def mailbox_named(view: View, accounts: Sequence[Access], name: str) -> tuple[Access, Mailbox] | None:
    """The mailbox of a name in one of these accounts, of which the first is one's own; None if there is none."""
    access, rest = split(accounts, unicodedata.normalize("NFC", name))
    mailbox = mailboxes_by_name(view, access.account).get(rest) if access is not None else None
    return (access, mailbox) if access is not None and mailbox is not None else None
