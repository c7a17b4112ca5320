"""Of which events in which mailboxes a client wants to hear (RFC 5465 §5, §6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pillarbox.datatypes.mailbox_name import SEPARATOR
from pillarbox.servers.imap.sight import Seen
from pillarbox.wire.imap.access_command import EventGroup
from pillarbox.wire.imap.fetch_item import FetchItem

# RFC 5465 §8. There are no annotations of messages (RFC 5257), and so no AnnotationChange.
EVENTS = (
    "MessageNew", "MessageExpunge", "FlagChange", "MailboxName", "SubscriptionChange", "MailboxMetadataChange",
    "ServerMetadataChange",
)  # fmt: skip
NEW, FLAGS, NAME, SUBSCRIPTION = "MESSAGENEW", "FLAGCHANGE", "MAILBOXNAME", "SUBSCRIPTIONCHANGE"
METADATA, SERVER_METADATA = "MAILBOXMETADATACHANGE", "SERVERMETADATACHANGE"
_SELECTED = ("selected", "selected-delayed")
Events = frozenset[str]
_NONE: Events = frozenset()


class Wanted(NamedTuple):
    """What a client wants to hear: of messages in the selected mailbox, and by groups, of all the others.

    `messages`: of new and of expunged ones, which go together; `is_delayed`: of expunged ones not while no command is
    in progress; `items` are fetched of new ones.
    """

    messages: bool
    flags: bool
    is_delayed: bool
    items: tuple[FetchItem, ...]
    groups: tuple[EventGroup, ...]

    @property
    def others(self) -> Events:
        """All events that are wanted of any other mailbox, or of the server."""
        return _NONE.union(*(group.events or () for group in self.groups))

    def events_of(self, seen: Seen, own: str) -> Events:
        """What is wanted of a mailbox that is not selected; `own` is the client's own account."""
        return _NONE.union(*(group.events or () for group in self.groups if _is_meant(group, seen, own)))


def wanted_by(groups: Sequence[EventGroup]) -> Wanted:
    """What the groups of NOTIFY SET say. Without one for the selected mailbox, nothing of its messages is wanted."""
    selected = next((group for group in groups if group.filter in _SELECTED), EventGroup("selected"))
    events = selected.events or ()
    others = tuple(group for group in groups if group.filter not in _SELECTED)
    return Wanted(NEW in events, FLAGS in events, selected.filter == "selected-delayed", selected.items, others)


def _is_meant(group: EventGroup, seen: Seen, own: str) -> bool:
    match group.filter:
        case "personal":
            return seen.account == own
        case "inboxes":  # RFC 5465 §6.3: where mail may be delivered, in one's own account
            return seen.account == own and seen.role == "inbox"
        case "subscribed":
            return seen.is_subscribed
        case "subtree":
            return any(seen.name == top or seen.name.startswith(top + SEPARATOR) for top in group.mailboxes)
        case _:
            return seen.name in group.mailboxes
