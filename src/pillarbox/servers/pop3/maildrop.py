"""A maildrop: the messages of an account's inbox as they were when the session began, and which of them are to go.

What others do to the inbox meanwhile changes neither numbers nor sizes (RFC 1939 §5): a message that somebody else has
removed keeps its number, and cannot be had any more. Messages with IMAP's mark for deletion are not in it.

The unique-id (RFC 1939 §7) of a message is the id of the Email, as JMAP and IMAP (EMAILID) tell it. It stays the same
over restarts, backups and moves of the store, and, unlike UIDVALIDITY with a uid, when a message leaves the inbox and
comes back: no client fetches it a second time. It is never given to another message.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.mailbox import id_of_role
from pillarbox.datatypes.view import View

_PAGE = 5_000  # memberships that are in memory at a time


class Maildrop:
    """The messages by number, from 1."""

    def __init__(self, account: str, mailbox: str) -> None:
        self.account, self.mailbox = account, mailbox
        self._ids: list[str] = []
        self._sizes = array("Q")
        self._marked: set[int] = set()

    def add(self, id: str, size: int) -> None:
        """One more message, while the maildrop is being read."""
        self._ids.append(id)
        self._sizes.append(size)

    def total(self) -> tuple[int, int]:
        """(messages, octets) of what is not to go."""
        gone = sum(self._sizes[number - 1] for number in self._marked)
        return len(self._ids) - len(self._marked), sum(self._sizes) - gone

    def numbers(self) -> Iterator[int]:
        """The numbers of what is not to go, rising."""
        return (number for number in range(1, len(self._ids) + 1) if number not in self._marked)

    def check(self, number: int) -> None:
        """Raise NOT_FOUND for a number that no message has, or one that is to go (RFC 1939 §5)."""
        if number > len(self._ids):
            raise Fault(Kind.NOT_FOUND, f"There is no such message, only {len(self._ids)}")
        if number in self._marked:
            raise Fault(Kind.NOT_FOUND, f"Message {number} is deleted")

    def id(self, number: int) -> str:
        """The email's id, which is the message's unique-id."""
        return self._ids[number - 1]

    def size(self, number: int) -> int:
        """Octets of the message as it is stored."""
        return self._sizes[number - 1]

    def mark(self, number: int) -> None:
        """Have a message removed at the end of the session."""
        self._marked.add(number)

    def unmark(self) -> None:
        """Have nothing removed."""
        self._marked.clear()

    def marked_ids(self) -> list[str]:
        """The ids of what is to be removed."""
        return [self.id(number) for number in sorted(self._marked)]


def open_maildrop(account: str) -> Callable[[View], Maildrop]:
    """A body that reads the inbox of an account, which may take a while for a large one."""

    def body(view: View) -> Maildrop:
        mailbox = id_of_role(view, account, "inbox")
        maildrop = Maildrop(account, mailbox or "")
        first = 1
        while mailbox is not None and (rows := view.memberships(account, mailbox, first, limit=_PAGE)):
            for row in rows:
                if not row.is_deleted:
                    maildrop.add(row.item, row.size)
            first = rows[-1].uid + 1
        return maildrop

    return body
