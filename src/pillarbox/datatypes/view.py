"""What rules and services may ask of the store, and the one door for writes; `storage` implements both."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pillarbox.core.limits import Limits
from pillarbox.datatypes.condition import Condition, Order
from pillarbox.datatypes.membership import Container, MemberChanges, Membership
from pillarbox.datatypes.outbox import Entry
from pillarbox.datatypes.remembered import Draft, ResultCache
from pillarbox.datatypes.ticket import Ticket

if TYPE_CHECKING:
    from pillarbox.datatypes.declare import DataType, Extra, Record

R = TypeVar("R", bound="Record")


class Changes(Protocol):
    """One page of what changed since a state (RFC 8620 §5.2)."""

    @property
    def new_state(self) -> str: ...
    @property
    def has_more(self) -> bool: ...
    @property
    def created(self) -> list[str]: ...
    @property
    def updated(self) -> list[str]: ...
    @property
    def destroyed(self) -> list[str]: ...
    @property
    def counters_only(self) -> bool: ...


class View(Protocol):
    """A consistent reading of the store. All methods take the account first: every key begins with it."""

    @property
    def cache(self) -> ResultCache | None:
        """Where query results may be kept; None inside a transaction, whose state may yet be undone."""

    @property
    def drafts(self) -> dict[Hashable, Draft] | None:
        """What write bodies that share a commit find of each other; forgotten when one of them is undone.

        None outside of transactions, where nothing that was read can be undone.
        """

    @property
    def limits(self) -> Limits: ...
    @property
    def now_ms(self) -> int: ...

    def take_time(self) -> None:
        """Say that what follows may take long: on an event loop the reading ends, and begins again in a thread."""

    def get(self, kind: DataType[R], account: str, id: str, *, with_deleted: bool = False) -> R | None:
        """The live record, or None; `with_deleted`: a hidden one too, that is there for IMAP alone."""

    def get_many(self, kind: DataType[R], account: str, ids: Iterable[str]) -> dict[str, R]:
        """The live ones of these records by id."""

    def get_with_deleted(self, kind: DataType[R], account: str, ids: Iterable[str]) -> dict[str, R]:
        """The same, and hidden ones too."""

    def all(self, kind: DataType[R], account: str) -> list[R]:
        """All live records of a type, oldest id first. For types of which an account has few."""

    def ids(self, kind: DataType[R], account: str, limit: int) -> list[str]:
        """At most `limit` ids of live records."""

    def bodies(
        self, kind: DataType[R], account: str, ids: Sequence[str], part: str | None = None
    ) -> dict[str, tuple[bytes, bytes | None]]:
        """The stored JSON of live records by id, each with that of one fixed part when it is named."""

    def parts(self, kind: DataType[R], account: str, ids: Sequence[str], part: str) -> dict[str, bytes]:
        """One fixed part of these records by id, as it was written."""

    def find(self, kind: DataType[R], account: str, property: str, values: Sequence[str]) -> list[tuple[str, str]]:
        """(value, id) of the records, hidden ones too, whose indexed property (wire name) has one of the values."""

    def state(self, kind: DataType[R], account: str) -> int:
        """The number of the last change to this type in this account."""

    def is_settled(self, kind: DataType[R], account: str, since: int) -> bool:
        """Whether nothing but counters has changed since a state of the type."""

    def changes(self, kind: DataType[R], account: str, since: str, limit: int) -> Changes:
        """A page of what changed since a state. Raises cannotCalculateChanges."""

    def select(
        self, kind: DataType[R], account: str, where: Condition | None, order: Sequence[Order], limit: int | None = None
    ) -> list[tuple[str, str]]:
        """(id, group) of the matching records in order."""

    def select_members(
        self, kind: DataType[R], account: str, container: str, where: Condition | None
    ) -> list[tuple[int, str]]:
        r"""(uid, id) of the container's members that match, those with \Deleted too, in the order of uids.

        Beside the columns of the type's index, conditions may name `uid`, `modseq` and `saved_at`, and use `IsDeleted`.
        """

    def select_uids(self, kind: DataType[R], account: str, container: str, where: Condition | None) -> list[int]:
        """The same, but for the ids."""

    def member_ids(self, kind: DataType[R], account: str, container: str, limit: int | None = None) -> list[str]:
        """The ids of a container's members."""

    def uids(self, account: str, container: str) -> list[int]:
        r"""The uids of all members of a container, those with \Deleted too, rising."""

    def memberships(
        self,
        account: str,
        container: str,
        first: int = 1,
        last: int | None = None,
        *,
        since: int = 0,
        limit: int | None = None,
    ) -> list[Membership]:
        r"""The members with uids from `first` to `last`, those with \Deleted too, in the order of uids.

        `since`: only those that changed after this number; it costs what has changed, not what is there.
        """

    def members(
        self, kind: DataType[R], account: str, container: str, first: int, last: int
    ) -> list[tuple[Membership, R]]:
        """Those with uids from `first` to `last`, each with its record, hidden ones too."""

    def flags(
        self, account: str, container: str, first: int = 1, last: int | None = None, *, since: int = 0
    ) -> list[tuple[int, int, str, bool]]:
        r"""(uid, modseq, words, whether it is \Deleted) of the same members, at less than half the cost."""

    def listed(self, account: str, container: str, first: int, last: int) -> list[tuple[int, str, int, int]]:
        """(uid, id, size, sort_key) of the same members: what never changes of them."""

    def memberships_of(self, account: str, container: str, uids: Sequence[int]) -> list[Membership]:
        """Those that have one of the uids, in the order of uids."""

    def uids_of(self, account: str, container: str, items: Sequence[str]) -> dict[str, int]:
        r"""The uids of records in a container, those with \Deleted too, by id; who is not there is not in it."""

    def member_totals(self, account: str, container: str) -> tuple[int, int, int, int, int]:
        r"""(members, those without $seen, their octets, those with \Deleted, the octets of these)."""

    def removed_uids(self, account: str, container: str, since: int) -> list[int]:
        """The uids of members that were removed after this number, rising."""

    def changed_members(self, account: str, container: str, since: int) -> MemberChanges | None:
        """What `memberships` and `removed_uids` tell, at less cost; None when it is much, or not all of it is known."""

    def known_since(self, account: str) -> int:
        """The number below which `removed_uids` may lack some: they were purged."""

    def container(self, account: str, container: str) -> Container:
        """A container's next uid, what makes its uids valid, and its last number. Raises notFound."""

    def containers(self, account: str, ids: Sequence[str]) -> dict[str, Container]:
        """The same of several, by id; a container that was destroyed may be among them."""

    def blob_size(self, account: str, blob: str) -> int | None:
        """How many octets a stored blob has; None when the account has no such blob."""

    def outside_size(self, account: str, blob: str) -> int | None:
        """The same, but None for a blob that is in the database itself."""

    def read_blob(self, account: str, blob: str) -> bytes | None:
        """The octets of a stored blob."""

    def read_blob_range(self, account: str, blob: str, start: int, end: int) -> bytes | None:
        """The octets of a stored blob from `start` to before `end`, fewer when it ends sooner."""

    def small_blobs(self, account: str, blobs: Sequence[str]) -> dict[str, bytes]:
        """The octets of those of the blobs that are in the database itself, by id."""

    def write_ahead(self, data: bytes) -> None:
        """Store octets, if they are many, ahead of the transaction that puts them as a blob: others need not wait."""

    def blob_references(self, account: str, blob: str) -> list[tuple[str, str]]:
        """(type, id) of the live records that hold the blob, or of which it is a part."""

    def pending_use(self, account: str) -> tuple[int, int]:
        """(count, octets) of the blobs that no record holds: uploads, and what destroyed records have left."""

    def expired_blobs(self, before_ms: int, limit: int) -> list[tuple[str, str]]:
        """(account, blob) of blobs of all accounts that no record holds and that were last wanted before a time."""

    def due_entries(self, kind: str, limit: int) -> list[Entry]:
        """Entries of the outbox, of all accounts, whose time has come; the longest due first."""

    def next_entry_at(self, kind: str) -> int | None:
        """When the next entry of a kind is due, in milliseconds; None when there is none."""

    def entries_of(self, account: str, item: str) -> list[Entry]:
        """The entries of the outbox for one record."""

    def recall(self, account: str, kind: str, name: str) -> str | None:
        """The value of a memo whose time is not over."""

    def has_ticket(self, account: str, digest: str) -> bool:
        """Whether a ticket waits to be taken."""


class Incoming(Protocol):
    """Octets that have come, not necessarily in memory."""

    size: int

    @property
    def blob(self) -> str:
        """Their blob id."""

    def store(self, *, anew: bool = False) -> None:
        """Put them on stable storage outside of the database; `anew`: even if they were there a moment ago."""


class Transaction(View, Protocol):
    """A change of the store, whole or not at all; one transaction takes one number in each account that it touches."""

    def write(self, kind: DataType[R], account: str, old: R | None, new: R | None, extra: Extra | None = None) -> None:
        """The one door: check the rules, store, number, count, note for push. Raises Fault when refused."""

    def note(self, kind: DataType[R], account: str) -> None:
        """Make this transaction's number the state of a type that has no records, and tell it by push."""

    def number(self, account: str) -> int:
        """The number of this transaction in the account; taking it is the account's write lock."""

    def new_id(self, kind: DataType[R]) -> str:
        """A fresh id for a record of this type."""

    def savepoint(self) -> AbstractContextManager[None]:
        """What is written inside is undone when an exception leaves it."""

    def put_blob(self, account: str, data: bytes, *, pending: bool = False) -> str:
        """Store octets and return their id. A pending blob is an upload: it expires unless a record refers to it."""

    def put_incoming(self, account: str, incoming: Incoming, *, pending: bool = False) -> str:
        """The same for octets that are on their way into the store, too many for the database."""

    def oldest_pending(self, account: str, limit: int) -> list[tuple[str, int]]:
        """(blob, size) of the blobs that no record holds, those first that were wanted the longest ago."""

    def drop_pending(self, account: str, blobs: Sequence[str]) -> int:
        """Forget blobs that no record holds; the others stay. How many went."""

    def add_entry(self, entry: Entry) -> str:
        """Put an entry into the outbox and return its id, which it is given when it has none."""

    def postpone_entry(self, entry: Entry, due_at: int, body: bytes) -> bool:
        """Keep an entry of the outbox for a later time, with another body; whether it was there."""

    def finish_entry(self, entry: Entry) -> bool:
        """Take an entry out of the outbox, done or not wanted any more; whether it was there."""

    def remember(self, key: str, value: Any) -> None:
        """Keep a note for the rest of this transaction, for rules that gather what follows."""

    def notes(self) -> Mapping[str, Any]:
        """What was remembered."""

    def keep_memo(self, account: str, kind: str, name: str, value: str, expires_at: int) -> None:
        """Remember a value until a time in milliseconds, in the place of what had this name; backups do not have it."""

    def forget_memos(self, account: str, kind: str) -> None:
        """Forget all memos of a kind."""

    def drop_expired_memos(self, limit: int) -> int:
        """Delete memos of all accounts whose time is over, at most so many; how many."""

    def add_ticket(self, given: Ticket) -> None:
        """Store a ticket."""

    def drop_expired_tickets(self, account: str) -> int:
        """Forget the account's tickets whose time is over; returns how many are left."""

    def take_ticket(self, account: str, digest: str) -> Ticket | None:
        """The ticket, once."""


def first_with(view: View, kind: DataType[R], account: str, property: str, value: str) -> R | None:
    """The live record with this value of an indexed property (wire name); the first, where several may have it."""
    found = view.find(kind, account, property, [value])
    return view.get(kind, account, found[0][1]) if found else None
