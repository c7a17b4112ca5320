"""What an account has that no number tells of: read whole, in the snapshot that ends a dump."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from pillarbox.storage.database import Connection
from pillarbox.storage.dump.item import (
    BLOB,
    CONTAINER,
    OUTBOX,
    BlobItem,
    ContainerItem,
    FloorItem,
    OutboxItem,
    TailItem,
)
from pillarbox.storage.dump.walk import AccountState, Page, blob_items

_CHUNK = 500
_encode = msgspec.msgpack.Encoder().encode


def tail(db: Connection, state: AccountState) -> Iterator[Page]:
    """The account itself, its containers, floors, outbox with the blobs held for it, and blobs that nobody holds.

    If all of this is what it was, nothing in the account has changed: everything else has a number.
    """
    account = state.id
    yield [TailItem(account, state.modseq, state.epoch)]
    rows = db.rows(f"SELECT {CONTAINER} FROM container WHERE account = ? ORDER BY id", (account,))
    yield [ContainerItem(account, *row) for row in rows]  # type: ignore[arg-type]
    rows = db.rows("SELECT type, modseq FROM floor WHERE account = ? ORDER BY type", (account,))
    yield [FloorItem(account, *row) for row in rows]  # type: ignore[arg-type]
    yield from _outbox(db, account)
    yield from _pending(db, account)


def tail_digest(db: Connection, state: AccountState) -> str:
    """A digest of the tail, to see whether it has changed."""
    digest = hashlib.blake2b(digest_size=16)
    for page in tail(db, state):
        for item in page:
            digest.update(_encode(item))
    return digest.hexdigest()


def _outbox(db: Connection, account: str) -> Iterator[Page]:
    sql = f"SELECT {OUTBOX} FROM outbox WHERE account = ? AND id > ? ORDER BY id LIMIT ?"
    at = ""
    while rows := db.rows(sql, (account, at, _CHUNK)):
        entries = [OutboxItem(account, *row) for row in rows]  # type: ignore[arg-type]
        yield blob_items(db, account, sorted({entry.blob for entry in entries if entry.blob}))
        yield [*entries]
        at = entries[-1].id


def _pending(db: Connection, account: str) -> Iterator[Page]:
    # In the order of the index of what is pending: that of ids is among the octets of all blobs.
    sql = (
        f"SELECT {BLOB} FROM blob WHERE account = ? AND pending = 1 AND stored_at >= ? AND (stored_at > ? OR id > ?)"
        " ORDER BY stored_at, id LIMIT ?"
    )
    at: tuple[int, int, str] = (-1, -1, "")
    while rows := db.rows(sql, (account, *at, _CHUNK)):
        page = [BlobItem(account, *row) for row in rows]  # type: ignore[arg-type]
        yield [*page]
        at = (page[-1].stored_at, page[-1].stored_at, page[-1].id)
