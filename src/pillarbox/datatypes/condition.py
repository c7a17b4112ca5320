"""What a query asks of the store, as values: a small algebra that the store turns into its own language.

A filter condition of a data type that has index columns makes one of these; `storage.select` is their only reader.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Value = str | int


class Compare(msgspec.Struct, frozen=True):
    """An index column compared with a value."""

    column: str
    operator: Literal["=", "<", ">=", "<=", ">"]
    value: Value


class HasWord(msgspec.Struct, frozen=True):
    """An index column that holds words between spaces, as keywords are kept, has this word."""

    column: str
    word: str


class InContainer(msgspec.Struct, frozen=True):
    """The record is a member of the container."""

    container: str


class InOtherThan(msgspec.Struct, frozen=True):
    """The record is a member of at least one container that is not named here."""

    containers: tuple[str, ...]


class GroupHasWord(msgspec.Struct, frozen=True):
    """Of the records that share this one's group, all or some (`every`) have the word in the column."""

    column: str
    word: str
    every: bool


class Matches(msgspec.Struct, frozen=True):
    """The text index finds the text in any of these of its columns; no column means all that a person reads."""

    columns: tuple[str, ...]
    text: str


class NumberIn(msgspec.Struct, frozen=True):
    """A column has one of these numbers, however many: uids, for one."""

    column: str
    numbers: tuple[int, ...]


class IsDeleted(msgspec.Struct, frozen=True):
    r"""The record has IMAP's \Deleted in the container that is looked into (RFC 9051 §2.3.2)."""


class OneOf(msgspec.Struct, frozen=True):
    """The record's id is one of these."""

    ids: tuple[str, ...]


class HeaderIs(msgspec.Struct, frozen=True):
    """The message has a header field of this name, whose value contains the text when one is given.

    RFC 8621 §4.4.1.
    """

    name: str
    text: str | None


class HasHeader(msgspec.Struct, frozen=True):
    """The document may have a header field of this name, as far as the index knows: never too few, perhaps too many."""

    name: str


class Every(msgspec.Struct, frozen=True):
    """All of the parts hold; of none, true."""

    parts: tuple[Condition, ...]


class Some(msgspec.Struct, frozen=True):
    """At least one of the parts holds; of none, false."""

    parts: tuple[Condition, ...]


class Nothing(msgspec.Struct, frozen=True):
    """None of the parts holds."""

    parts: tuple[Condition, ...]


Condition = (
    Compare
    | HasWord
    | InContainer
    | InOtherThan
    | GroupHasWord
    | Matches
    | NumberIn
    | IsDeleted
    | OneOf
    | HeaderIs
    | HasHeader
    | Every
    | Some
    | Nothing
)


class Order(msgspec.Struct, frozen=True):
    """One key of a sort: a column, or whether a word is in that of the record (`word`) or of its group (`group`)."""

    column: str
    ascending: bool = True
    word: str | None = None
    group: Literal["", "all", "some"] = ""
