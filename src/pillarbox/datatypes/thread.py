"""Threads: which emails belong together, oldest first (RFC 8621 §3)."""

from __future__ import annotations

import msgspec

from pillarbox.datatypes.capability import MAIL
from pillarbox.datatypes.declare import CHANGES, GET, DataType, Record
from pillarbox.datatypes.mark import Indexed, Internal, ServerSet


class Thread(Record, frozen=True):
    """A conversation, with what the mailboxes' counters need to know of it.

    `times` are the emails' receivedAt in milliseconds, in the order of `email_ids`; `mailboxes` says how many of the
    emails are in each; `unread` counts emails that are neither seen nor drafts and in some mailbox other than the
    trash, `unread_trash` those in the trash. `keys` are how a reply finds the thread: digests of a message id and the
    base subject. `hidden` counts its emails that IMAP alone sees: as long as there are any, the thread is kept for
    them, and replies find it.
    """

    email_ids: ServerSet[list[str]]
    times: Internal[list[int]]
    mailboxes: Internal[dict[str, int]]
    unread: Internal[int] = 0
    unread_trash: Internal[int] = 0
    hidden: Internal[int] = 0
    keys: Internal[Indexed[list[str]]] = msgspec.field(default_factory=list)

    def is_unread_in(self, mailbox: str, trash: str | None) -> bool:
        """Whether the thread counts as unread in a mailbox that it is in.

        RFC 8621 §2: "Emails in the trash are treated as though they are in a separate Thread for the purposes of unread
        counts."
        """
        return (self.unread_trash if mailbox == trash else self.unread) > 0


THREAD: DataType[Thread] = DataType(
    Thread,
    letter="t",
    capability=MAIL,
    methods=frozenset({GET, CHANGES}),
    is_hidden=lambda thread: not thread.email_ids,
)
