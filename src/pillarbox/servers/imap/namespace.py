"""Mailboxes by the names that IMAP gives them: one's own, and those of accounts that others have opened to one.

RFC 9051 §5.1, §6.3.10 (NAMESPACE). The separator is `/`. An account of somebody else is the mailbox
`Other Users/NAME`, which cannot be selected, and below it are its mailboxes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pillarbox.core.account import Access
from pillarbox.core.faults import Fault, Kind
from pillarbox.core.shelf import Shelf, Shelves
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox
from pillarbox.datatypes.mailbox_name import OTHER_USERS, SEPARATOR
from pillarbox.datatypes.view import View
from pillarbox.services.mail.mailbox_named import mailboxes_by_name, split

OTHERS = OTHER_USERS
_ENTRY_OCTETS, _MAILBOX_OCTETS = 500, 1_000


@dataclass(frozen=True, slots=True)
class Place:
    """A mailbox that exists, by its name, with the rights that one has in its account. Its counters may be old."""

    name: str
    access: Access
    mailbox: Mailbox

    @property
    def account(self) -> str:
        return self.access.account

    @property
    def id(self) -> str:
        return self.mailbox.id


def prefix_of(access: Access) -> str:
    """What the names of the mailboxes of somebody else's account begin with."""
    return f"{OTHERS}{SEPARATOR}{access.name}{SEPARATOR}"


class Names:
    """Mailboxes by name. What accounts have is remembered for as long as their mailboxes stay what they are."""

    def __init__(self, shelves: Shelves | None = None) -> None:
        self._accounts: Shelf[str, tuple[int, Mapping[str, Mailbox]]] = Shelf(shelves or Shelves(), "names", worth=10)

    def find(self, view: View, accounts: Sequence[Access], name: str) -> Place:
        """The mailbox of a name, in one of these accounts, of which the first is one's own. Raises NOT_FOUND."""
        access, rest = split(accounts, unicodedata.normalize("NFC", name))
        mailbox = self.of(view, access.account).get(rest) if access is not None else None
        if access is None or mailbox is None:
            raise Fault(Kind.NOT_FOUND, "There is no such mailbox")
        return Place(name_in(accounts, access, rest), access, mailbox)

    def all(self, view: View, accounts: Sequence[Access]) -> Iterator[Place]:
        """All mailboxes that exist, one's own first, parents before their children."""
        for access in accounts:
            for name, mailbox in self.of(view, access.account).items():
                yield Place(name_in(accounts, access, name), access, mailbox)

    def of(self, view: View, account: str) -> Mapping[str, Mailbox]:
        """The mailboxes of an account by their names in it."""
        if view.cache is None:
            return mailboxes_by_name(view, account)  # in a transaction, whose state may yet be undone
        state = view.state(MAILBOX, account)
        known = self._accounts.get(account)
        if known is not None and known[0] == state:
            return known[1]
        # Counters, which every message changes, are nothing that is asked for here.
        is_same = known is not None and view.is_settled(MAILBOX, account, known[0])
        read = known[1] if known is not None and is_same else mailboxes_by_name(view, account)
        self._accounts.put(account, (state, read), _ENTRY_OCTETS + _MAILBOX_OCTETS * len(read))
        return read


def name_in(accounts: Sequence[Access], access: Access, name: str) -> str:
    """The whole name of what has this name in one of the accounts."""
    return name if access is accounts[0] else prefix_of(access) + name
