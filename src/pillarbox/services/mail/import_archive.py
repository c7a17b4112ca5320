"""Mail from an archive comes into an account.

An import that was broken off is simply run again: the store itself knows what it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import msgspec

from pillarbox.formats.archive import ArchivedMessage, ArchiveError, Skips
from pillarbox.services.mail.store_batch import BATCH_COUNT, BATCH_OCTETS, Fate, Filed, Order, store_batch
from pillarbox.storage.store import Store

_CHECKPOINT_EVERY = 2_000  # messages


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

    def count(self, filed: Filed) -> None:
        """Count a message."""
        if filed.fate is Fate.REFUSED:
            self.refused.add(filed.message.key, filed.reason)
        elif filed.fate is Fate.STORED:
            self.imported += 1
        else:
            self.duplicates += 1
            self.filed += filed.fate is Fate.FILED


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
            for filed in store_batch(store, account, batch, order):
                outcome.count(filed)
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
            if len(batch) >= BATCH_COUNT or octets >= BATCH_OCTETS:
                yield batch
                batch, octets = [], 0
    except ArchiveError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch
