"""What rules and services may ask of the store, and the one door for writes; `storage` implements both."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pillarbox.core.limits import Limits
from pillarbox.datatypes.condition import Condition, Order

if TYPE_CHECKING:
    from pillarbox.datatypes.declare import DataType, Extra, Record

R = TypeVar("R", bound="Record")


class ResultCache(Protocol):
    """Remembers the results of queries for as long as the type's state stays what it was."""

    def get(self, key: Hashable, state: str) -> Sequence[str] | None: ...
    def put(self, key: Hashable, state: str, ids: Sequence[str]) -> None: ...


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
    def limits(self) -> Limits: ...
    @property
    def now_ms(self) -> int: ...

    def take_time(self) -> None:
        """Say that what follows may take long. On an event loop it ends the reading, which then begins again in a thread."""

    def get(self, kind: DataType[R], account: str, id: str) -> R | None:
        """The live record, or None."""

    def get_many(self, kind: DataType[R], account: str, ids: Iterable[str]) -> dict[str, R]:
        """The live ones of these records by id."""

    def all(self, kind: DataType[R], account: str) -> list[R]:
        """All live records of a type, oldest id first. For types of which an account has few."""

    def ids(self, kind: DataType[R], account: str, limit: int) -> list[str]:
        """At most `limit` ids of live records."""

    def bodies(self, kind: DataType[R], account: str, ids: Sequence[str], part: str | None = None) -> dict[str, tuple[bytes, bytes | None]]:
        """The stored JSON of live records by id, each with that of one fixed part when it is named."""

    def parts(self, kind: DataType[R], account: str, ids: Sequence[str], part: str) -> dict[str, bytes]:
        """One fixed part of these records, as JSON by id."""

    def find(self, kind: DataType[R], account: str, property: str, values: Sequence[str]) -> list[tuple[str, str]]:
        """(value, id) of the live records whose indexed property (wire name) has one of the values."""

    def state(self, kind: DataType[R], account: str) -> int:
        """The number of the last change to this type in this account."""

    def changes(self, kind: DataType[R], account: str, since: str, limit: int) -> Changes:
        """A page of what changed since a state. Raises cannotCalculateChanges."""

    def select(self, kind: DataType[R], account: str, where: Condition | None, order: Sequence[Order], limit: int | None = None) -> list[tuple[str, str]]:
        """(id, group) of the matching records in order."""

    def member_ids(self, kind: DataType[R], account: str, container: str, limit: int | None = None) -> list[str]:
        """The ids of a container's members."""

    def blob_size(self, account: str, blob: str) -> int | None:
        """How many octets a stored blob has; None when the account has no such blob."""

    def read_blob(self, account: str, blob: str) -> bytes | None:
        """The octets of a stored blob."""


class Transaction(View, Protocol):
    """A change of the store, whole or not at all; one transaction takes one number in each account that it touches."""

    def write(self, kind: DataType[R], account: str, old: R | None, new: R | None, extra: Extra | None = None) -> None:
        """The one door: check the rules, store, number, count, note for push. Raises Fault when refused."""

    def number(self, account: str) -> int:
        """The number of this transaction in the account; taking it is the account's write lock."""

    def new_id(self, kind: DataType[R]) -> str:
        """A fresh id for a record of this type."""

    def savepoint(self) -> AbstractContextManager[None]:
        """What is written inside is undone when an exception leaves it."""

    def put_blob(self, account: str, data: bytes, *, pending: bool = False) -> str:
        """Store octets and return their id. A pending blob is an upload: it expires unless a record comes to refer to it."""

    def remember(self, key: str, value: Any) -> None:
        """Keep a note for the rest of this transaction, for rules that gather what follows."""

    def notes(self) -> Mapping[str, Any]:
        """What was remembered."""
