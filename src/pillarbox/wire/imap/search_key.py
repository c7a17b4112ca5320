"""A search program as a tree of values (RFC 9051 §6.4.4), for SEARCH, SORT, THREAD and UID forms of them.

The parser bounds its depth and its size, so that who walks it may recurse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from pillarbox.wire.imap.sequence_set import SequenceSet


@dataclass(frozen=True, slots=True)
class Every:
    """All of these, as keys that stand side by side; none: all messages."""

    keys: tuple[SearchKey, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """OR: one or the other."""

    first: SearchKey
    second: SearchKey


@dataclass(frozen=True, slots=True)
class Not:
    """NOT."""

    key: SearchKey


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """FUZZY: this key, with the server's own idea of similarity (RFC 6203)."""

    key: SearchKey


@dataclass(frozen=True, slots=True)
class Numbers:
    """Messages of a set: UIDs when `is_uid`, else message numbers."""

    set: SequenceSet
    is_uid: bool


@dataclass(frozen=True, slots=True)
class HasFlag:
    r"""A flag or keyword as it is written on the wire, such as `\Seen` or `$Forwarded`.

    ANSWERED, NEW, OLD, UNKEYWORD and the like are told by this, Not and Every.
    """

    flag: str


@dataclass(frozen=True, slots=True)
class Recent:
    """RECENT (RFC 3501 §6.4.4)."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text in a place: `from`, `to`, `cc`, `bcc`, `subject`, `body` or `text`."""

    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Header:
    """HEADER: a header field with this name that holds the text; empty: that is there."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Dated:
    """A day compared with a time of the message: `which` is `internal`, `sent` or `saved`; `relation` `<`, `=`, `>=`.

    BEFORE is `<`, ON `=`, SINCE `>=`; times and time zones are disregarded (RFC 9051 §6.4.4).
    """

    which: str
    relation: str
    day: date


@dataclass(frozen=True, slots=True)
class Within:
    """OLDER (`is_older`) or YOUNGER than so many seconds (RFC 5032)."""

    is_older: bool
    seconds: int


@dataclass(frozen=True, slots=True)
class Sized:
    """LARGER (`is_larger`) or SMALLER than so many octets."""

    is_larger: bool
    octets: int


@dataclass(frozen=True, slots=True)
class ModSeq:
    """MODSEQ: changed at or after this number (RFC 7162 §3.1.5)."""

    modseq: int


@dataclass(frozen=True, slots=True)
class ObjectId:
    """EMAILID or THREADID (RFC 8474 §6): `which` is `email` or `thread`."""

    which: str
    id: str


@dataclass(frozen=True, slots=True)
class SaveDateSupported:
    """SAVEDATESUPPORTED (RFC 8514)."""


@dataclass(frozen=True, slots=True)
class StoredFilter:
    """FILTER: a search program that was stored under a name (RFC 5466)."""

    name: str


SearchKey = (
    Every
    | Either
    | Not
    | Fuzzy
    | Numbers
    | HasFlag
    | Recent
    | Text
    | Header
    | Dated
    | Within
    | Sized
    | ModSeq
    | ObjectId
    | SaveDateSupported
    | StoredFilter
)


def inside(key: SearchKey) -> tuple[SearchKey, ...]:
    """The keys that a key is made of; none for one that asks something itself."""
    match key:
        case Every(keys):
            return keys
        case Either(first, second):
            return first, second
        case Not(inner) | Fuzzy(inner):
            return (inner,)
        case _:
            return ()


def all_keys(key: SearchKey) -> Iterator[SearchKey]:
    """A key and all that are inside of it."""
    waiting = [key]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += inside(one)
