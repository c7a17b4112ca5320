"""Memberships as the protocols that number messages see them (RFC 9051 §2.3, RFC 7162, RFC 8514)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

# Beside the names of types in what a commit tells its listeners: memberships changed, and no record that JMAP sees.
UNSEEN = "Membership"


@dataclass(frozen=True, slots=True)
class Members:
    r"""Which property holds the containers of a record, and what the store keeps beside each membership.

    `deleted` names the property with the containers in which the record is \Deleted: a member there for IMAP alone
    (RFC 8621 §4.1.1, RFC 9051 §2.3.2). No container is in both.
    """

    attribute: str
    container: str
    deleted: str
    sort_key: Callable[[Any], int]
    group: Callable[[Any], str] = lambda _record: ""
    size: Callable[[Any], int] = lambda _record: 0
    words: Callable[[Any], Iterable[str]] = lambda _record: ()


class Membership(NamedTuple):
    r"""A record in a container, with what is kept beside it.

    `words` are the keywords between spaces, `sort_key` is receivedAt, `group_id` the thread; times in milliseconds.
    `is_deleted` is IMAP's \Deleted: nobody else sees the record here.
    """

    uid: int
    item: str
    modseq: int
    words: str
    size: int
    sort_key: int
    group_id: str
    saved_at: int
    is_deleted: bool


# What changed in a container: its members as they are now, and the uids of those that are gone; both in rising order.
MemberChanges = tuple[list[Membership], list[int]]


class Container(NamedTuple):
    """A container's numbers: the next uid, what makes uids valid, and the number of the last change in it.

    From `first_recent` on nobody was told of its members by IMAP.
    """

    uid_next: int
    uid_validity: int
    modseq: int
    first_recent: int
