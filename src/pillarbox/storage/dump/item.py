"""One row, or what belongs together of several tables, as it stands in a stream of MessagePack arrays.

Lookups and the text index are not carried: they follow from records and messages. Blobs are carried by their rows; the
octets travel apart, once for all accounts.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

Scalar: TypeAlias = str | int | None


class RecordItem(msgspec.Struct, frozen=True, array_like=True, tag_field="table", tag="r"):
    """A record; `parts` and `index` are its rows in those tables, None where an earlier item has told them."""

    account: str
    type: str
    id: str
    created: int
    modseq: int
    full_modseq: int
    touched: int
    destroyed: int
    unique_key: str | None
    body: bytes
    parts: tuple[tuple[str, bytes], ...] | None
    index: tuple[Scalar, ...] | None
    gaps: str = ""  # what older backups do not have stands last


class MemberItem(msgspec.Struct, frozen=True, array_like=True, tag_field="table", tag="m"):
    """A row of `member`."""

    account: str
    container: str
    uid: int
    item: str
    type: str
    created: int
    modseq: int
    removed: int
    sort_key: int
    group_id: str
    size: int
    words: str
    saved_at: int = 0


class BlobItem(msgspec.Struct, frozen=True, array_like=True, tag_field="table", tag="b"):
    """A row of `blob`, without the octets."""

    account: str
    id: str
    size: int
    stored_at: int
    pending: int


class TailItem(msgspec.Struct, frozen=True, array_like=True, tag_field="table", tag="t"):
    """The account itself. What has no number follows it, whole: containers, floors, outbox, blobs that nobody holds."""

    account: str
    modseq: int
    epoch: int


class ContainerItem(msgspec.Struct, frozen=True, array_like=True, tag_field="table", tag="c"):
    """A row of `container`."""

    account: str
    id: str
    next_uid: int
    modseq: int = 0
    validity: int = 0
    first_recent: int = 1


class FloorItem(msgspec.Struct, frozen=True, array_like=True, tag_field="table", tag="f"):
    """A row of `floor`."""

    account: str
    type: str
    modseq: int


class OutboxItem(msgspec.Struct, frozen=True, array_like=True, tag_field="table", tag="o"):
    """A row of `outbox`."""

    account: str
    id: str
    due_at: int
    kind: str
    item: str
    blob: str
    body: bytes
    queue: str = ""
    destination: str = ""
    rank: int = 0
    message: str = ""
    lease: str = ""
    throttle: str = ""


Item: TypeAlias = RecordItem | MemberItem | BlobItem | TailItem | ContainerItem | FloorItem | OutboxItem

# The columns of each table in the order of its item; `doc` of an index table is the store's own and given anew.
RECORD = "id, created, modseq, full_modseq, touched, destroyed, unique_key, body, gaps"
MEMBER = "container, uid, item, type, created, modseq, removed, sort_key, group_id, size, words, saved_at"
CONTAINER = "id, next_uid, modseq, validity, first_recent"
BLOB = "id, size, stored_at, pending"
OUTBOX = "id, due_at, kind, item, blob, body, queue, destination, rank, message, lease, throttle"
INDEX = {
    "email_index": (
        "thread_id", "received_at", "sent_at", "size", "has_attachment", "keywords", "subject_key", "from_key",
        "to_key", "hidden",
    ),
}  # fmt: skip
# Every table of the schema is carried by an item, or follows from what is.
CARRIED = frozenset(
    {"account", "record", "part", "ordered_part", "member", "container", "floor", "blob", "outbox", *INDEX}
)
DERIVED = frozenset({"lookup", "text_index", "lane"})
