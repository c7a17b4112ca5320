"""The commands that are about messages, as values (RFC 9051 §6.3.12, §6.4); see `command`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pillarbox.wire.imap.command import Command
from pillarbox.wire.imap.fetch_item import FetchItem
from pillarbox.wire.imap.search_key import SearchKey
from pillarbox.wire.imap.sequence_set import SequenceSet

# The octets of a message or a part on their way in: the sink that took them, made by the server.
Received = object


@dataclass(frozen=True, slots=True)
class Url(Command):
    """URL of CATENATE (RFC 4469)."""

    url: str


@dataclass(frozen=True, slots=True)
class Message(Command):
    """One message of APPEND or REPLACE.

    `parts` is one sink, or those and the URLs of CATENATE in order. `is_utf8`: came as UTF8 (~{n}) (RFC 6855).
    """

    flags: tuple[str, ...]
    date: datetime | None
    parts: tuple[Received | Url, ...]
    is_utf8: bool = False


@dataclass(frozen=True, slots=True)
class Append(Command):
    """APPEND, with several messages (RFC 3502)."""

    mailbox: str
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Replace(Command):
    """REPLACE (RFC 8508)."""

    number: int  # message number or UID, STAR allowed
    mailbox: str
    message: Message
    is_uid: bool


@dataclass(frozen=True, slots=True)
class Expunge(Command):
    """EXPUNGE, or UID EXPUNGE with a set."""

    uids: SequenceSet | None = None


@dataclass(frozen=True, slots=True)
class Partial(Command):
    """PARTIAL first:last of RFC 9394 (and RFC 5267) as it was written: negative numbers count from the end.

    Either end may be the nearer one: -1:-100 and -100:-1 are the same results.
    """

    first: int
    last: int

    def bounded(self, count: int) -> tuple[int, int]:
        """Where these lie among so many results in rising order, as the ends of a slice."""
        near, far = sorted((abs(self.first), abs(self.last)))
        if self.first > 0:
            return min(near - 1, count), min(far, count)
        return max(count - far, 0), max(count - near + 1, 0)


@dataclass(frozen=True, slots=True)
class Scope(Command):
    """IN (...) of ESEARCH (RFC 7377): where to search.

    `kind`: selected selected-delayed personal inboxes subscribed subtree subtree-one mailboxes; the last three with
    names.
    """

    kind: str
    mailboxes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Search(Command):
    """SEARCH, UID SEARCH and ESEARCH.

    `scopes` are of ESEARCH alone, which always has one at least, and tells UIDs (RFC 7377).
    `returned` is None without RETURN, else upper-case words of MIN MAX ALL COUNT SAVE CONTEXT UPDATE RELEVANCY (RFC
    6203 §4). `update_items` are to be fetched of messages that come later (RFC 5465 §7).
    """

    key: SearchKey
    is_uid: bool
    returned: frozenset[str] | None = None
    partial: Partial | None = None
    scopes: tuple[Scope, ...] = ()
    is_modseq_wanted: bool = False  # a MODSEQ key stands in the program (RFC 7162 §3.1.5)
    update_items: tuple[FetchItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Sort(Command):
    """SORT (RFC 5256, 5957): `criteria` are (upper-case name, is_reversed); with RETURN it is ESORT (RFC 5267)."""

    criteria: tuple[tuple[str, bool], ...]
    key: SearchKey
    is_uid: bool
    returned: frozenset[str] | None = None
    partial: Partial | None = None
    is_modseq_wanted: bool = False
    update_items: tuple[FetchItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Thread(Command):
    """THREAD (RFC 5256): `algorithm` in upper case."""

    algorithm: str
    key: SearchKey
    is_uid: bool


@dataclass(frozen=True, slots=True)
class CancelUpdate(Command):
    """CANCELUPDATE (RFC 5267): tags."""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fetch(Command):
    """FETCH. `changed_since` and `wants_vanished` are of RFC 7162, `partial` of RFC 9394."""

    set: SequenceSet
    items: tuple[FetchItem, ...]
    is_uid: bool
    changed_since: int | None = None
    wants_vanished: bool = False
    partial: Partial | None = None


@dataclass(frozen=True, slots=True)
class Store(Command):
    """STORE: `operation` is `=`, `+` or `-`. `unchanged_since` is of RFC 7162."""

    set: SequenceSet
    operation: str
    flags: tuple[str, ...]
    is_silent: bool
    is_uid: bool
    unchanged_since: int | None = None


@dataclass(frozen=True, slots=True)
class Copy(Command):
    """COPY, or MOVE."""

    set: SequenceSet
    mailbox: str
    is_uid: bool
    is_move: bool


@dataclass(frozen=True, slots=True)
class UidBatches(Command):
    """UIDBATCHES (RFC 10022): the size of a batch, and optionally which batches."""

    size: int
    first: int | None = None
    last: int | None = None
