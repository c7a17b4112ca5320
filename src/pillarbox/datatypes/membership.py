"""Memberships as the protocols that number messages see them (RFC 9051 §2.3, RFC 7162, RFC 8514)."""

from __future__ import annotations

from typing import NamedTuple


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


class Container(NamedTuple):
    """A container's numbers: the next uid, what makes uids valid, and the number of the last change in it."""

    uid_next: int
    uid_validity: int
    modseq: int
