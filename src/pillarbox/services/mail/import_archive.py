"""Mail from an archive comes into an account: in batches that share a commit, each message standing or falling alone.

An import that was broken off is simply run again: the store itself knows what it has. RFC 9979 ($imported).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import msgspec

from pillarbox.core.clock import from_date
from pillarbox.core.faults import Fault
from pillarbox.datatypes.email import EMAIL, Email
from pillarbox.datatypes.email.keyword import checked_keywords
from pillarbox.datatypes.email.reading import Reading, read_message
from pillarbox.datatypes.view import Transaction, View
from pillarbox.formats.archive import ArchivedMessage, ArchiveError, Skips
from pillarbox.services.mail.deliver import received_time, store_in
from pillarbox.services.mail.mailbox_path import INBOX, Path, find_or_make
from pillarbox.storage.blob import blob_id
from pillarbox.storage.store import Store
from pillarbox.storage.transaction import Transaction as StoreTransaction

# One commit for so many messages or octets: the disk is waited for seldom, and a server that runs meanwhile waits
# never for long.
_BATCH_COUNT, _BATCH_OCTETS = 50, 4 << 20
_CHECKPOINT_EVERY = 2_000  # messages
IMPORTED = "$imported"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """How to import: all into one mailbox, or with their own ones, at the top or below a mailbox."""

    into: Path | None = None
    below: Path = ()
    keep_duplicates: bool = False
    marks: tuple[str, ...] = (IMPORTED,)  # keywords that all of them get

    def paths(self, message: ArchivedMessage) -> tuple[Path, ...]:
        """Where a message goes; to the inbox when neither the archive nor the order tells."""
        if self.into is not None:
            return (self.into,)
        return tuple(dict.fromkeys(self.below + path for path in message.mailbox_paths)) or (self.below or INBOX,)


class Mail(Protocol):
    """Messages to import, such as a `Source`: an archive."""

    skips: Skips  # what the last iteration passed over

    @property
    def position(self) -> int:
        """How far it is."""

    def __iter__(self) -> Iterator[ArchivedMessage]: ...


class Outcome(msgspec.Struct, kw_only=True):
    """What became of the messages; `failure` says why the archive could not be read to its end."""

    imported: int = 0
    duplicates: int = 0  # of these, `filed` were put into a further mailbox
    filed: int = 0
    refused: Skips = msgspec.field(default_factory=Skips)
    skipped: Skips = msgspec.field(default_factory=Skips)
    failure: str | None = None


def import_archive(
    store: Store,
    account: str,
    source: Mail,
    order: Order,
    on_progress: Callable[[int], None] = lambda _position: None,
) -> Outcome:
    """Import all messages of an archive into an account. `on_progress` hears `source.position` after each commit."""
    outcome, since_checkpoint = Outcome(), 0
    try:
        for batch in _batches(source):
            _Batch(store, account, order, outcome).run(batch)
            on_progress(source.position)
            since_checkpoint += len(batch)
            if since_checkpoint >= _CHECKPOINT_EVERY:
                store.checkpoint()
                since_checkpoint = 0
    except ArchiveError as error:
        outcome.failure = str(error)
    outcome.skipped = source.skips
    return outcome


def _batches(source: Iterable[ArchivedMessage]) -> Iterator[list[ArchivedMessage]]:
    """The messages in lists that are stored together; what was read before the archive turned out broken comes too."""
    batch: list[ArchivedMessage] = []
    octets = 0
    try:
        for message in source:
            batch.append(message)
            octets += len(message.data)
            if len(batch) >= _BATCH_COUNT or octets >= _BATCH_OCTETS:
                yield batch
                batch, octets = [], 0
    except ArchiveError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


class _Batch:
    """Messages that share a transaction."""

    def __init__(self, store: Store, account: str, order: Order, outcome: Outcome) -> None:
        self._store = store
        self._account = account
        self._order = order
        self._outcome = outcome
        self._readings: dict[str, Reading] = {}

    def run(self, messages: list[ArchivedMessage]) -> None:
        """Store what is new. Reading, the most of the work, is done before the store is locked."""
        blobs = [blob_id(message.data) for message in messages]
        known = {blob for blob, _ in self._store.read(lambda view: view.find(EMAIL, self._account, "blobId", blobs))}
        pairs = []
        for message, blob in zip(messages, blobs, strict=True):
            if (reason := self._unfit(message)) is not None:
                self._outcome.refused.add(message.key, reason)
                continue
            if self._order.keep_duplicates or blob not in known:
                reading = self._readings.get(blob) or read_message(message.data)
                if not reading.structure.root.fields:
                    self._outcome.refused.add(message.key, "this is not a message: it has no header field")
                    continue
                self._readings[blob] = reading
            pairs.append((message, blob))
        # Nothing is counted before it is committed.
        for message, result in self._store.write(lambda tx: self._store_all(tx, pairs)) if pairs else ():
            self._count(message, result)

    def _unfit(self, message: ArchivedMessage) -> str | None:
        limit = self._store.limits.max_size_message
        return f"it is larger than {limit} octets" if len(message.data) > limit else None

    def _store_all(
        self, tx: StoreTransaction, pairs: list[tuple[ArchivedMessage, str]]
    ) -> list[tuple[ArchivedMessage, str | Fault]]:
        wanted = dict.fromkeys(path for message, _ in pairs for path in self._order.paths(message))
        boxes = find_or_make(tx, self._account, wanted)
        out: list[tuple[ArchivedMessage, str | Fault]] = []
        for message, blob in pairs:
            try:
                with tx.savepoint():
                    out.append((message, self._store_one(tx, message, blob, boxes)))
            except Fault as fault:
                out.append((message, fault))
        return out

    def _store_one(
        self, tx: StoreTransaction, message: ArchivedMessage, blob: str, boxes: dict[Path, str | Fault]
    ) -> str:
        mailbox_ids = dict.fromkeys((_id(boxes[path]) for path in self._order.paths(message)), True)
        if not self._order.keep_duplicates and (old := find_duplicate(tx, self._account, blob)) is not None:
            both = {**old.mailbox_ids, **mailbox_ids}
            tx.write(EMAIL, self._account, old, msgspec.structs.replace(old, mailbox_ids=both))
            return "duplicate" if len(both) == len(old.mailbox_ids) else "filed"
        # An email that was there a moment ago, when it was found to be a duplicate, may have been destroyed since.
        reading = self._readings.get(blob) or read_message(message.data)
        words = dict.fromkeys((*sorted(message.keywords), *self._order.marks), True)
        keywords = checked_keywords(words, tx.limits.max_keywords_per_email)
        store_in(tx, self._account, reading, mailbox_ids, keywords, received_ms(tx, message, reading))
        return "imported"

    def _count(self, message: ArchivedMessage, result: str | Fault) -> None:
        if isinstance(result, Fault):
            self._outcome.refused.add(message.key, str(result))
        elif result == "imported":
            self._outcome.imported += 1
        else:
            self._outcome.duplicates += 1
            self._outcome.filed += result == "filed"


def _id(found: str | Fault) -> str:
    if isinstance(found, Fault):
        raise found
    return found


def find_duplicate(tx: Transaction, account: str, blob: str) -> Email | None:
    """An email of the account that has exactly these octets."""
    found = sorted(id for _, id in tx.find(EMAIL, account, "blobId", [blob]))
    return tx.get(EMAIL, account, found[0]) if found else None


def received_ms(view: View, message: ArchivedMessage, reading: Reading) -> int:
    """When a message was received: as the archive says, else as its newest trace field or its date says, else now."""
    if message.received_at is not None:
        return max(0, int(message.received_at.timestamp() * 1000))
    traced = received_time(reading)
    if traced is None and reading.listing.sent_at:
        traced = from_date(reading.listing.sent_at)
    return view.now_ms if traced is None else max(0, traced)
