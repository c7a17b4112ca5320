"""Takes a backup into an empty store: rows in the order in which they were written, then the texts for search.

Every step may be done again: a restore that was broken off begins anew, or goes on, in the same store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from pillarbox.datatypes.registry import TYPES
from pillarbox.services.backup.manifest import AccountEntry, Manifest
from pillarbox.services.backup.repository import Repository
from pillarbox.services.backup.run import KINDS, Progress
from pillarbox.services.backup.target import BackupError
from pillarbox.services.backup.text import index_texts
from pillarbox.storage.container import complete_containers
from pillarbox.storage.dump.digest import counts
from pillarbox.storage.dump.finish import Missing, finish
from pillarbox.storage.dump.item import Item
from pillarbox.storage.dump.replay import Replay
from pillarbox.storage.dump.walk import accounts
from pillarbox.storage.epoch import begin_epoch, skip_uids
from pillarbox.storage.store import Store
from pillarbox.storage.transaction import Transaction

Octets = Callable[[str, str], bytes | None]  # account, blob
_BATCH_ITEMS, _BATCH_OCTETS = 1_000, 8 << 20


class Outcome(msgspec.Struct, kw_only=True):
    """What came of a restore. `missing` are records without their octets: they were damaged in the store before."""

    backup: str
    accounts: int = 0
    items: int = 0
    missing: list[str] = msgspec.field(default_factory=list)


def restore(
    repository: Repository,
    manifest: Manifest,
    store: Store,
    *,
    new_epoch: bool = True,
    on_progress: Progress = lambda _done, _of: None,
) -> Outcome:
    """Restore a whole backup into a store that has no data but its own, empty directory. Raises BackupError.

    `new_epoch`: clients may know a later state than the backup's, so all of them have to begin anew.
    """
    _refuse_filled(store, manifest)
    outcome = Outcome(backup=manifest.id)
    total = sum(entry.items for entry in manifest.accounts)
    octets = octets_of(repository, manifest)

    def told(done: int) -> None:
        outcome.items = done
        on_progress(done, total)

    take_in(store, _rows(repository, manifest), octets, told)
    for entry in manifest.accounts:
        missing = store.write(lambda tx, entry=entry: _end(tx, entry, new_epoch=new_epoch))  # type: ignore[misc]
        outcome.missing += [f"{entry.name}: {one.type} {one.id}" for one in missing]
        index_texts(store, entry.id)
        outcome.accounts += 1
    return outcome


def _refuse_filled(store: Store, manifest: Manifest) -> None:
    known = {entry.id for entry in manifest.accounts}
    with store.snapshot() as view:
        for state in accounts(view.db, KINDS):
            if state.id not in known:
                raise BackupError(f"the store has an account {state.id} that is not in the backup: it is not empty")


def _rows(repository: Repository, manifest: Manifest) -> Iterator[Item]:
    """The rows of all accounts, in the order in which the objects were written."""
    wanted = [(number, entry.id) for entry in manifest.accounts for number in entry.objects]
    by_object: dict[int, set[str]] = {}
    for number, account in wanted:
        by_object.setdefault(number, set()).add(account)
    for number in sorted(by_object):
        for item in repository.rows(manifest.objects[number]):
            if item.account in by_object[number]:
                yield item


def octets_of(repository: Repository, manifest: Manifest) -> Octets:
    """Finds blobs in the packs of a backup."""
    index = repository.load_index(manifest)

    def find(_account: str, blob: str) -> bytes | None:
        number = index.find(blob)
        return None if number is None else repository.pack(index.packs[number]).get(blob)

    return find


def take_in(
    store: Store, items: Iterable[Item], octets: Octets, told: Callable[[int], None] = lambda _done: None
) -> int:
    """Write rows in batches that share a commit; returns how many."""
    done = 0
    for batch in _batches(items):
        store.write(lambda tx, batch=batch: Replay(tx, KINDS, octets).take(batch))  # type: ignore[misc]
        done += len(batch)
        told(done)
    return done


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    size = 0
    for item in items:
        batch.append(item)
        size += int(getattr(item, "size", 0))
        if len(batch) >= _BATCH_ITEMS or size >= _BATCH_OCTETS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _end(tx: Transaction, entry: AccountEntry, *, new_epoch: bool) -> list[Missing]:
    missing = finish(tx.db, entry.id)
    found = counts(tx.db, entry.id)
    lost = len({one.blob for one in missing})
    if {**found, "blob": found["blob"] + lost} != entry.counts:
        wrong = ", ".join(f"{t}: {found[t]} of {n}" for t, n in entry.counts.items() if found.get(t) != n)
        raise BackupError(f"the account {entry.name} is not what the backup says it was ({wrong})")
    complete_containers(tx.db, entry.id, tx.now_ms)
    if new_epoch:
        begin_epoch(tx.db, entry.id, [kind.name for kind in TYPES], tx.now_ms)
        skip_uids(tx.db, entry.id)
    return missing
