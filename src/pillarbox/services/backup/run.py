"""Makes a backup of a store that others write to, as of one moment.

First all accounts are read in many short snapshots, which hold nobody up and keep no log from being reset. Then one
snapshot over all of them gives what has changed since, which is little: the backup is the state of that moment.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from pillarbox import __version__
from pillarbox.core.clock import utc_date
from pillarbox.core.ids import base32
from pillarbox.datatypes.registry import TYPES
from pillarbox.services.backup.manifest import FORMAT, AccountEntry, Manifest, ObjectRef
from pillarbox.services.backup.output import Output, Pace
from pillarbox.services.backup.plan import Order, chosen, forget_sparse, names_of, parent_of, usable
from pillarbox.services.backup.repository import Repository
from pillarbox.storage.blob import blob_id
from pillarbox.storage.dump.digest import counts
from pillarbox.storage.dump.item import BlobItem
from pillarbox.storage.dump.lineage import begin, begun, newest_schema
from pillarbox.storage.dump.tail import tail, tail_digest
from pillarbox.storage.dump.walk import AccountState, Kinds, Page, Read, accounts, blob_sizes, row_count, walk
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.store import Store

KINDS: Kinds = {kind.name: kind for kind in TYPES}
Progress = Callable[[int, int], None]  # records done, of how many


def back_up(
    store: Store, repository: Repository, order: Order | None = None, on_progress: Progress = lambda _done, _of: None
) -> Manifest:
    """Make a backup and return its manifest. Raises BackupError; what was written then is no backup, and is pruned."""
    with repository.opened(write=True):
        return _Run(store, repository, order or Order(), on_progress).run()


class _Account(msgspec.Struct, frozen=True):
    """What is known of an account at the end; `base` is what the backup goes on from."""

    state: AccountState
    name: str
    base: AccountEntry | None
    tail: str
    counts: dict[str, int]


class _Run:
    """One backup."""

    def __init__(self, store: Store, repository: Repository, order: Order, on_progress: Progress) -> None:
        self._store, self._repository, self._order, self._on_progress = store, repository, order, on_progress
        known = store.read(lambda view: begun(view.db))
        self._parent = parent_of(repository, known, order, newest_schema())
        index = repository.load_index()
        if self._parent is None:
            forget_sparse(index, self._wanted())
        self._out = Output(repository, index, Pace(order.rate))
        self._base: dict[str, AccountEntry | None] = {}
        self._since: dict[str, int] = {}  # account -> the number after which rows are yet to be written
        self._doubtful: set[tuple[str, str]] = set()  # (account, blob) whose octets could not be had
        self._done = self._total = 0

    def run(self) -> Manifest:
        started_ms = self._store.clock.now_ms()
        id = new_id(utc_date(started_ms), self._repository.ids())
        states = self._store.read(self._chosen)
        self._base = {state.id: self._base_of(state) for state in states}
        self._total = self._store.read(self._count)
        for state in states:
            self._read_ahead(state)
        # An older copy of this store does not know this note, and so cannot go on from this backup.
        self._store.write(lambda tx: begin(tx.db, id, started_ms))
        with self._store.snapshot() as view:
            names = names_of(view)
            found = [self._end(view, state, names.get(state.id, state.id)) for state in self._chosen(view)]
            damaged = self._damaged(view)
        self._out.close()
        manifest = self._manifest(id, started_ms, found, damaged)
        self._repository.put_manifest(manifest)
        return manifest

    # --- what is read

    def _chosen(self, view: Snapshot) -> list[AccountState]:
        return chosen(accounts(view.db, KINDS), names_of(view), self._order)

    def _wanted(self) -> Iterator[tuple[str, int]]:
        for state in self._store.read(self._chosen):
            with self._store.snapshot() as view:
                yield from blob_sizes(view.db, state.id)

    def _base_of(self, state: AccountState) -> AccountEntry | None:
        entry = self._parent.account(state.id) if self._parent is not None else None
        return entry if usable(entry, state) else None

    def _count(self, view: Snapshot) -> int:
        since = {id: base.modseq if base is not None else 0 for id, base in self._base.items()}
        return sum(row_count(view.db, account, number) for account, number in since.items())

    def _read_ahead(self, state: AccountState) -> None:
        base = self._base[state.id]
        since = base.modseq if base is not None else 0
        self._since[state.id] = state.modseq  # before the walk: what changes during it is met again
        if state.modseq > since:
            self._walk(self._store.read, state.id, since)

    def _end(self, view: Snapshot, state: AccountState, name: str) -> _Account:
        """Write what is left of an account in the last snapshot."""

        def read(body: Callable[[Snapshot], Any]) -> Any:
            return body(view)

        base, since = self._base.get(state.id), self._since.get(state.id, 0)
        # What was destroyed since, or after the base, and forgotten before it was met, cannot be told of.
        if state.floor > (since if base is None else min(base.modseq, since)):
            self._out.restart(state.id)
            base, since = None, 0
        if state.modseq > since:
            self._walk(read, state.id, since)
        mark = tail_digest(view.db, state)
        if base is not None and base.tail == mark:
            return _Account(state, name, base, mark, base.counts)
        for page in tail(view.db, state):
            self._write(read, page)
        return _Account(state, name, base, mark, counts(view.db, state.id))

    def _walk(self, read: Read, account: str, since: int) -> None:
        for page in walk(read, account, since, KINDS):
            self._write(read, page)
            self._done += sum(not isinstance(item, BlobItem) for item in page)
            self._on_progress(min(self._done, self._total), self._total)

    def _write(self, read: Read, page: Page) -> None:
        for item in page:
            if isinstance(item, BlobItem) and not self._out.has(item.id):
                self._write_blob(read, item.account, item.id)
            self._out.add_row(item)

    def _write_blob(self, read: Read, account: str, blob: str) -> None:
        data = read(lambda view: view.read_blob(account, blob))
        if data is None or blob_id(data) != blob:
            self._doubtful.add((account, blob))
        else:
            self._out.add_blob(blob, data)

    def _damaged(self, view: Snapshot) -> list[str]:
        """What is damaged in the store itself: blobs that are there, but not whole. They are tried each time."""
        before = self._parent.damaged if self._parent is not None else []
        again, self._doubtful = self._doubtful | {(a, b) for a, _, b in (d.partition(" ") for d in before)}, set()
        for account, blob in sorted(again):
            if view.blob_size(account, blob) is not None and not self._out.has(blob):
                self._write_blob(lambda body: body(view), account, blob)
        return sorted(f"{account} {blob}" for account, blob in self._doubtful)

    # --- what is told

    def _manifest(self, id: str, started_ms: int, found: Sequence[_Account], damaged: list[str]) -> Manifest:
        objects, entries = _shared(self._parent, found, self._out)
        index = {ref.name: ref for ref in self._out.packs}
        kept = {ref.name: ref for ref in self._parent.packs} if self._parent is not None else {}
        packs = {**kept, **{name: index[name] for name in self._out.used}}
        return Manifest(
            format=FORMAT,
            id=id,
            parent=self._parent.id if self._parent is not None else None,
            started_at=utc_date(started_ms),
            finished_at=utc_date(self._store.clock.now_ms()),
            version=__version__,
            schema=newest_schema(),
            scope=sorted(self._order.accounts),
            objects=objects,
            packs=sorted(packs.values(), key=lambda ref: ref.name),
            accounts=entries,
            added_octets=self._out.octets,
            damaged=damaged,
        )


def new_id(now: str, ids: Sequence[str]) -> str:
    """An id after all others in order, even when the clock was set back, and unlike any that another store makes."""
    stamp = now.replace("-", "").replace(":", "")
    last, _, rest = (ids[-1] if ids else "").partition("-")
    number = int(rest[:3]) + 1 if last >= stamp else 0
    return f"{max(stamp, last)}-{number:03}{base32(secrets.randbits(20), 4)}"


def _shared(
    parent: Manifest | None, found: Sequence[_Account], out: Output
) -> tuple[list[ObjectRef], list[AccountEntry]]:
    """The objects that any account needs, those of the parent first, and the accounts with their places in them."""
    kept = sorted({number for account in found if account.base is not None for number in account.base.objects})
    place = {number: at for at, number in enumerate(kept)}
    objects = [*(parent.objects[number] for number in kept), *out.objects] if parent is not None else [*out.objects]
    entries = []
    for one in found:
        old = [place[number] for number in one.base.objects] if one.base is not None else []
        new = [len(kept) + number for number in out.by_account.get(one.state.id, [])]
        items = (one.base.items if one.base is not None else 0) + out.counts.get(one.state.id, 0)
        entries.append(
            AccountEntry(
                id=one.state.id,
                name=one.name,
                modseq=one.state.modseq,
                epoch=one.state.epoch,
                tail=one.tail,
                objects=old + new,
                items=items,
                counts=one.counts,
            )
        )
    return objects, entries
