r"""Copying and moving messages between mailboxes, as protocols do that know mailboxes and uids (RFC 9051 §6.4.7).

In one account a message is put into one more mailbox; it is the same email then, and its keywords are shared. Where it
is in that mailbox already, or in another account, a new email is made of the same octets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from pillarbox.core.clock import from_date
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.email.reading import Reading, read_message
from pillarbox.datatypes.email.record import Email
from pillarbox.datatypes.email.store import add_message
from pillarbox.datatypes.membership import Membership
from pillarbox.datatypes.view import Transaction, View
from pillarbox.services.mail.flag import remove


class Copied(NamedTuple):
    """What a message's uid was, and which one its copy has."""

    uid: int
    new_uid: int


class Box(Protocol):
    """A mailbox of an account."""

    @property
    def account(self) -> str: ...
    @property
    def id(self) -> str: ...


def read_sources(view: View, source: Box, target: Box, rows: Sequence[Membership]) -> Mapping[str, Reading]:
    """The messages that have to become new emails, read, by the id of the old one. Takes time: for a thread."""
    if source.account == target.account:
        there = view.uids_of(target.account, target.id, [row.item for row in rows])
        wanted = [row.item for row in rows if row.item in there]
    else:
        wanted = [row.item for row in rows]
    out: dict[str, Reading] = {}
    for id, email in view.get_with_deleted(EMAIL, source.account, wanted).items():
        data = view.read_blob(source.account, email.blob_id)
        if data is None:
            raise Fault(Kind.UNAVAILABLE, "a message cannot be read")
        out[id] = read_message(data)
        view.write_ahead(data)
    return out


def copy_messages(
    tx: Transaction,
    source: Box,
    target: Box,
    rows: Sequence[Membership],
    readings: Mapping[str, Reading],
    *,
    is_move: bool,
) -> list[Copied]:
    """Copy or move; what is gone meanwhile is passed over. Raises Fault, and then nothing is done."""
    emails = tx.get_with_deleted(EMAIL, source.account, [row.item for row in rows])
    new_ids: dict[int, str] = {}
    for row in rows:
        email = emails.get(row.item)
        if email is None:
            continue
        reading = readings.get(row.item)
        if is_move and source.account == target.account and reading is None:
            new_ids[row.uid] = _move(tx, source, target, email)
        elif reading is None:
            new_ids[row.uid] = _put(tx, target, email)
        else:
            new_ids[row.uid] = _make(tx, target, email, reading)
            if is_move:
                _take_out(tx, source, row)
    uids = tx.uids_of(target.account, target.id, list(new_ids.values()))
    return [Copied(uid, uids[id]) for uid, id in new_ids.items() if id in uids]


def take_back(tx: Transaction, target: Box, copied: Sequence[Copied]) -> None:
    """Have the target be without these copies again."""
    rows = tx.memberships_of(target.account, target.id, [one.new_uid for one in copied])
    remove(tx, target.account, target.id, [row.item for row in rows])


def _put(tx: Transaction, target: Box, email: Email) -> str:
    tx.write(EMAIL, target.account, email, email.placed({**email.mailbox_ids, target.id: True}))
    return email.id


def _move(tx: Transaction, source: Box, target: Box, email: Email) -> str:
    moved = email.placed({**email.mailbox_ids, target.id: True}).without(source.id)
    tx.write(EMAIL, target.account, email, moved)
    return email.id


def _make(tx: Transaction, target: Box, email: Email, reading: Reading) -> str:
    received = from_date(email.received_at) or tx.now_ms
    return add_message(EMAIL, tx, target.account, reading, {target.id: True}, email.keywords, received).id


def _take_out(tx: Transaction, source: Box, row: Membership) -> None:
    remove(tx, source.account, source.id, [row.item])
