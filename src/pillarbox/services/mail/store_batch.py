"""Messages from elsewhere are stored in batches that share a commit, each message standing or falling alone.

RFC 9979 ($imported).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import msgspec

from pillarbox.core.clock import from_date
from pillarbox.core.faults import Fault
from pillarbox.datatypes.email import EMAIL, Email
from pillarbox.datatypes.email.keyword import checked_keywords
from pillarbox.datatypes.email.reading import Reading, read_message
from pillarbox.datatypes.view import Transaction, View
from pillarbox.formats.archive import ArchivedMessage
from pillarbox.services.mail.deliver import received_time, store_in
from pillarbox.services.mail.mailbox_path import INBOX, Path, find_or_make
from pillarbox.storage.blob import blob_id
from pillarbox.storage.store import Store
from pillarbox.storage.transaction import Transaction as StoreTransaction

# One commit for so many messages or octets: the disk is waited for seldom, and a server that runs meanwhile waits
# never for long.
BATCH_COUNT, BATCH_OCTETS = 50, 4 << 20
IMPORTED = "$imported"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """How to store: all in one mailbox, or with their own ones, at the top or below a mailbox."""

    into: Path | None = None
    below: Path = ()
    keep_duplicates: bool = False
    marks: tuple[str, ...] = (IMPORTED,)  # keywords that all of them get

    def paths(self, message: ArchivedMessage) -> tuple[Path, ...]:
        """Where a message goes; to the inbox when neither the archive nor the order tells."""
        if self.into is not None:
            return (self.into,)
        return tuple(dict.fromkeys(self.below + path for path in message.mailbox_paths)) or (self.below or INBOX,)


class Fate(Enum):
    """What became of a message."""

    STORED = "stored"
    DUPLICATE = "duplicate"  # it was there, in all of its mailboxes
    FILED = "filed"  # it was there, and got a further mailbox
    REFUSED = "refused"


class Filed(msgspec.Struct, frozen=True):
    """A message of a batch, and its email with the mailboxes that it was to go to; or why it was refused."""

    message: ArchivedMessage
    fate: Fate
    email: str = ""
    boxes: tuple[str, ...] = ()
    reason: str = ""


def store_batch(store: Store, account: str, messages: Sequence[ArchivedMessage], order: Order) -> list[Filed]:
    """Store what is new of these messages in one commit; all of them are told of, in whatever order."""
    return _Batch(store, account, order).run(messages)


class _Batch:
    """Messages that share a transaction."""

    def __init__(self, store: Store, account: str, order: Order) -> None:
        self._store = store
        self._account = account
        self._order = order
        self._readings: dict[str, Reading] = {}

    def run(self, messages: Sequence[ArchivedMessage]) -> list[Filed]:
        """Reading, the most of the work, is done before the store is locked."""
        blobs = [blob_id(message.data) for message in messages]
        known = {blob for blob, _ in self._store.read(lambda view: view.find(EMAIL, self._account, "blobId", blobs))}
        pairs, out = [], []
        for message, blob in zip(messages, blobs, strict=True):
            if (reason := self._unfit(message)) is not None:
                out.append(_refused(message, reason))
                continue
            if self._order.keep_duplicates or blob not in known:
                reading = self._readings.get(blob) or read_message(message.data)
                if not reading.structure.root.fields:
                    out.append(_refused(message, "this is not a message: it has no header field"))
                    continue
                self._readings[blob] = reading
                self._store.write_ahead(message.data)
            pairs.append((message, blob))
        # Nothing is told before it is committed.
        return out + (self._store.write(lambda tx: self._store_all(tx, pairs)) if pairs else [])

    def _unfit(self, message: ArchivedMessage) -> str | None:
        limit = self._store.limits.max_size_message
        return f"it is larger than {limit} octets" if len(message.data) > limit else None

    def _store_all(self, tx: StoreTransaction, pairs: list[tuple[ArchivedMessage, str]]) -> list[Filed]:
        wanted = dict.fromkeys(path for message, _ in pairs for path in self._order.paths(message))
        boxes = find_or_make(tx, self._account, wanted)
        out: list[Filed] = []
        for message, blob in pairs:
            try:
                with tx.savepoint():
                    out.append(self._store_one(tx, message, blob, boxes))
            except Fault as fault:
                out.append(_refused(message, str(fault)))
        return out

    def _store_one(
        self, tx: StoreTransaction, message: ArchivedMessage, blob: str, boxes: dict[Path, str | Fault]
    ) -> Filed:
        mailbox_ids = dict.fromkeys((_id(boxes[path]) for path in self._order.paths(message)), True)
        if not self._order.keep_duplicates and (old := find_duplicate(tx, self._account, blob)) is not None:
            both = {**old.mailbox_ids, **mailbox_ids}
            tx.write(EMAIL, self._account, old, old.placed(both))
            fate = Fate.DUPLICATE if len(both) == len(old.mailbox_ids) else Fate.FILED
            return Filed(message, fate, old.id, tuple(mailbox_ids))
        # An email that was there a moment ago, when it was found to be a duplicate, may have been destroyed since.
        reading = self._readings.get(blob) or read_message(message.data)
        words = dict.fromkeys((*sorted(message.keywords), *self._order.marks), True)
        keywords = checked_keywords(words, tx.limits.max_keywords_per_email)
        received = received_ms(tx, message, reading)
        email = store_in(tx, self._account, reading, mailbox_ids, keywords, received)
        return Filed(message, Fate.STORED, email.id, tuple(mailbox_ids))


def _refused(message: ArchivedMessage, reason: str) -> Filed:
    return Filed(message, Fate.REFUSED, reason=reason)


def _id(found: str | Fault) -> str:
    if isinstance(found, Fault):
        raise found
    return found


def find_duplicate(tx: Transaction, account: str, blob: str) -> Email | None:
    """An email of the account that has exactly these octets."""
    found = sorted(id for _, id in tx.find(EMAIL, account, "blobId", [blob]))
    return tx.get(EMAIL, account, found[0]) if found else None


def received_ms(view: View, message: ArchivedMessage, reading: Reading) -> int:
    """When a message was received: as its source says, else as its newest trace field or its date says, else now."""
    if message.received_at is not None:
        return max(0, int(message.received_at.timestamp() * 1000))
    traced = received_time(reading)
    if traced is None and reading.listing.sent_at:
        traced = from_date(reading.listing.sent_at)
    return view.now_ms if traced is None else max(0, traced)
