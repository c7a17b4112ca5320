"""How a JMAP type is declared: a record class, a `DataType`, and a small class of rules for all else.

Everything else about a type (get, changes, set, copy, query, queryChanges, push, reference pages) is derived from here
by the engine (RFC 8620 §5).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from pillarbox.core.account import Access, Caller
from pillarbox.core.room import Room
from pillarbox.datatypes.condition import Condition, Order
from pillarbox.datatypes.mark import Mark, ServerSet
from pillarbox.datatypes.membership import Members
from pillarbox.datatypes.property import Property, properties_of
from pillarbox.datatypes.view import Transaction, View


class Record(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The base of all records: protocols read attributes, the wire and the store have camelCase JSON."""

    id: ServerSet[str] = ""


R = TypeVar("R", bound=Record)
GET, CHANGES, SET, COPY, QUERY, QUERY_CHANGES = "get", "changes", "set", "copy", "query", "queryChanges"
SINGLETON = "singleton"
# A note of the transaction: the ids whose names and roles may be taken, for they are about to change.
YIELDING = "yielding"
ALL_METHODS = frozenset({GET, CHANGES, SET, COPY, QUERY, QUERY_CHANGES})


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition of a type's FilterCondition: the type of its value, and how it is decided.

    `test` decides for one record; `where` makes a condition for the store. `local` says that the answer for a record
    depends on nothing but this record: only then can changes of a query be told (DESIGN: false declarations are exposed
    by a law). `fixed` says that the answer for a record never changes, `reference` that the value holds ids, which may
    be creation ids.
    """

    type: Any
    test: Callable[[Any, Any], bool] | None = None
    where: Callable[[Any], Condition] | None = None
    local: bool = True
    fixed: bool = False
    reference: bool = False


@dataclass(frozen=True, slots=True)
class Sort:
    """A property that a type can be sorted by: a key from one record, or an order for the store from the Comparator."""

    key: Callable[[Any], Any] | None = None
    order: Callable[[Mapping[str, Any]], Order] | None = None
    extra: tuple[str, ...] = ()  # further arguments of the Comparator, such as keyword
    local: bool = True
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Extra:
    """What is written once, beside a new record: its fixed parts, its index columns, its text for search.

    Parts of which properties are cut are JSON objects.
    """

    parts: Mapping[str, bytes] = field(default_factory=dict)
    columns: Mapping[str, str | int | None] = field(default_factory=dict)
    text: Mapping[str, str] | None = None


class Rules(Generic[R]):
    """What a declaration cannot say; every method is optional.

    A change is a pair: (None, new), (old, new) or (old, None).
    """

    # Whether `check` minds YIELDING, so that records can exchange what is unique.
    yields: ClassVar[bool] = False
    # Further arguments of a method, by method name: {"get": {"bodyProperties": list[str] | None}}.
    arguments: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def prepare(self, view: View, call: MethodCall) -> Any:
        """Do the heavy part of a /set before the write lock is taken; what it returns comes back in `create`."""
        return None

    def is_prepared(self, call: MethodCall) -> bool:
        """Whether this call has something for `prepare`."""
        return bool(call.arguments["create"] or call.arguments["update"])

    def is_slow(self, call: MethodCall) -> bool:
        """Whether a set keeps others waiting. Asked before and after `prepare`."""
        return False

    def create(self, tx: Transaction, call: MethodCall, creation_id: str, given: Mapping[str, Any]) -> tuple[R, Extra]:
        """Make a record from what the client gave. Not overridden: each property is converted by its type."""
        raise NotImplementedError

    def complete(self, tx: Transaction, call: MethodCall, old: R | None, new: R) -> R:
        """Fill in what the server sets, on create (old is None) and on update."""
        return new

    def patched(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """The patch in the spelling that the record has, where the type knows several for the same."""
        return given

    def check(self, tx: Transaction, account: str, old: R | None, new: R | None) -> None:
        """Raise a Fault when the change would break an invariant. Called for every write, from any protocol."""

    def follow(self, tx: Transaction, account: str, old: R | None, new: R | None) -> None:
        """Write the consequences in the same transaction."""

    def compute(
        self, view: View, call: MethodCall, records: Mapping[str, Any], names: Sequence[str]
    ) -> Mapping[str, Mapping[str, Any]]:
        """The values of computed properties: id -> name -> value. `records` holds each one's stored JSON values."""
        return {}

    def accept(self, view: View, call: MethodCall) -> None:
        """Raise invalidArguments when this type's own arguments of /get are wrong, even if there is nothing to show."""

    def screen(self, call: MethodCall, records: Mapping[str, dict[str, Any]]) -> Mapping[str, dict[str, Any]]:
        """Of the records that a /get found, those that this call may see; the others are answered as not found."""
        return records

    def may_destroy(self, tx: Transaction, call: MethodCall, old: R) -> None:
        """Raise a Fault when this caller may not destroy the record; also the place for destroy's own arguments."""

    def copy(
        self, tx: Transaction, call: MethodCall, source: str, original: R, wanted: Mapping[str, Any]
    ) -> tuple[R | None, Extra]:
        """For /copy: the new record, made from one of another account.

        (None, ...): the properties are copied as they are.
        """
        return None, Extra()

    def existing(self, tx: Transaction, account: str, new: R) -> str | None:
        """For /copy: the id of a record that the copy would duplicate."""
        return None

    def refine(self, view: View, account: str, where: Condition, container: str | None = None) -> Condition:
        """Replace what the store cannot decide (a header field's text) by something that it can.

        With a container, only its members matter, hidden ones too.
        """
        return where

    def total(self, view: View, account: str, where: Condition | None, *, collapse: bool) -> int | None:
        """How many records match, when a stored counter tells it without a count."""
        return None

    def is_local(self, call: MethodCall) -> bool:
        """Whether, with this query's own arguments, a record's place depends on nothing but that record."""
        return True

    def arrange(self, call: MethodCall, matched: Sequence[R], everything: Sequence[R]) -> Sequence[R]:
        """The last word on order and choice of a query's results, for arguments such as sortAsTree; both are sorted."""
        return matched

    def widen(self, view: View, account: str, since: str, changed: Sequence[str]) -> set[str]:
        """For queryChanges on collapsed results: all ids that a change of these records may have put in or out."""
        return set(changed)

    def continue_(self, call: MethodCall, outcome: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
        """Further method calls that the arguments ask for after success, such as onSuccessUpdateEmail."""
        return []


@dataclass(slots=True)
class MethodCall:
    """One call as the engine sees it: who asks, which account, the arguments, and what earlier calls created."""

    caller: Caller
    access: Access
    name: str
    arguments: dict[str, Any]
    created_ids: dict[str, str] = field(default_factory=dict)
    prepared: Any = None
    octets_read: int = 0  # of blobs, for what the client wants made of them
    room: Room = field(default_factory=Room)  # of its answer
    using: frozenset[str] = frozenset()  # the capabilities that the request named (RFC 8620 §3.3)

    @property
    def account(self) -> str:
        """The id of the account that the call is about."""
        return self.access.account


@dataclass(frozen=True, eq=False)
class DataType(Generic[R]):
    """A registered type. The declaration is complete: the engine asks nothing else."""

    record: type[R]
    letter: str  # ids begin with it
    capability: str
    name: str = ""
    methods: frozenset[str] = ALL_METHODS
    rules: Rules[R] = field(default_factory=Rules)
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # fixed part -> wire names
    ordered_parts: frozenset[str] = frozenset()  # fixed parts that are read of many records in a row
    derived_parts: frozenset[str] = frozenset()  # those that may be missing: who misses them makes them again
    computed: Mapping[str, Any] = field(default_factory=dict)  # wire names that are no field of the record
    is_dynamic: Callable[[str], bool] = lambda _name: False  # names such as header:X-Y:asText
    default_properties: tuple[str, ...] | None = None
    filters: Mapping[str, Filter] = field(default_factory=dict)
    sorts: Mapping[str, Sort] = field(default_factory=dict)
    collapse_argument: str = ""  # the argument of /query that keeps one record of each group
    members: Members | None = None
    is_container: bool = False  # records of other types are members of this one's
    index_table: str = ""
    index_columns: Callable[[R], Mapping[str, str | int]] = lambda _record: {}  # those that can change
    # Whether a record is kept for IMAP alone: for everybody else it is destroyed, until it is so no more.
    is_hidden: Callable[[R], bool] | None = None
    unique_key: Callable[[R], str | None] = lambda _record: None
    singleton: bool = False  # exactly one, of the id "singleton"; it has its defaults until it is first changed
    directory: bool = False  # lives in the directory's account
    push: bool = True
    per_user: bool = False  # belongs to whoever asks: no accountId, no state (RFC 8620 §7.2)

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.record.__name__)

    @functools.cached_property
    def properties(self) -> Mapping[str, Property]:
        """The record's properties by wire name."""
        return {p.name: p for p in properties_of(self.record)}

    @functools.cached_property
    def part_of(self) -> Mapping[str, str]:
        """Which fixed part holds a wire name."""
        return {name: part for part, names in self.parts.items() for name in names}

    @functools.cached_property
    def visible(self) -> tuple[str, ...]:
        """The names that a /get without `properties` returns."""
        if self.default_properties is not None:
            return self.default_properties
        return (*(p.name for p in self.properties.values() if p.visible), *self.part_of, *self.computed)

    @functools.cached_property
    def computed_names(self) -> frozenset[str]:
        """The names that only the rules can give a value."""
        fields = {p.name for p in self.properties.values() if p.is_marked(Mark.COMPUTED)}
        return frozenset(fields | set(self.computed))

    @functools.cached_property
    def screened(self) -> bool:
        """Whether the rules look over every answer."""
        return type(self.rules).screen is not Rules.screen

    @functools.cached_property
    def indexed(self) -> tuple[Property, ...]:
        """The properties that records are found by."""
        return tuple(p for p in self.properties.values() if p.is_marked(Mark.INDEXED))

    @functools.cached_property
    def holds_blobs(self) -> bool:
        """Whether a property names blobs."""
        return any(p.is_marked(Mark.BLOB) for p in self.indexed)

    @functools.cached_property
    def counters(self) -> tuple[Property, ...]:
        """The properties that change without the record being edited."""
        return tuple(p for p in self.properties.values() if p.is_marked(Mark.COUNTER))

    @functools.cached_property
    def internals(self) -> tuple[Property, ...]:
        """The properties that nobody sees."""
        return tuple(p for p in self.properties.values() if p.is_marked(Mark.INTERNAL))

    @functools.cached_property
    def initial(self) -> R:
        """A singleton as it is before anybody has changed it, when no row of it is stored."""
        return self.record(id=SINGLETON)

    @functools.cached_property
    def decoder(self) -> msgspec.json.Decoder[R]:
        """Reads the stored JSON."""
        return msgspec.json.Decoder(self.record)

    def shows(self, record: R | None) -> bool:
        """Whether there is a record, and not for IMAP alone."""
        return record is not None and (self.is_hidden is None or not self.is_hidden(record))

    def knows(self, name: str) -> bool:
        """Whether a client may ask for a property of this name."""
        prop = self.properties.get(name)
        if prop is not None:
            return prop.visible
        return name in self.part_of or name in self.computed or self.is_dynamic(name)
