"""Carries everything from one store to another, whatever their engines; what was carried is compared at the end.

It may be done twice: while the first store is in use, and again once it is not, for what has changed since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from pillarbox.services.backup.restore import take_in
from pillarbox.services.backup.run import KINDS
from pillarbox.services.backup.text import index_texts
from pillarbox.storage.dump.digest import account_digest
from pillarbox.storage.dump.finish import finish
from pillarbox.storage.dump.item import Item, TailItem
from pillarbox.storage.dump.lineage import begin, begun
from pillarbox.storage.dump.tail import tail
from pillarbox.storage.dump.walk import AccountState, accounts, row_count, walk
from pillarbox.storage.removal import remove_step
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.store import Store
from pillarbox.storage.unfinished import strays

Progress = Callable[[int, int], None]  # rows done, of how many


class Moved(msgspec.Struct, kw_only=True):
    """What was carried; `differing` names accounts that are not the same in both stores."""

    accounts: int = 0
    rows: int = 0
    finished: bool = False
    differing: list[str] = msgspec.field(default_factory=list)


def copy_store(source: Store, target: Store, on_progress: Progress = lambda _done, _of: None) -> Moved:
    """Carry what has changed since the last time, while others write to the source: most of it, but not the end."""
    return _Move(source, target, on_progress).copy()


def finish_move(source: Store, target: Store, on_progress: Progress = lambda _done, _of: None) -> Moved:
    """Carry the rest and compare. Nobody else may write to the source, then or later."""
    move = _Move(source, target, on_progress)
    moved = move.copy()
    move.end(moved)
    return moved


class _Move:
    """One run."""

    def __init__(self, source: Store, target: Store, on_progress: Progress) -> None:
        self._source, self._target, self._on_progress = source, target, on_progress
        self._done = self._total = 0

    def copy(self) -> Moved:
        moved = Moved()
        states = self._source.read(lambda view: accounts(view.db, KINDS))
        there = {state.id: state for state in self._target.read(lambda view: accounts(view.db, KINDS))}
        since = {state.id: _since(state, there.get(state.id)) for state in states}
        self._total = self._source.read(lambda view: sum(row_count(view.db, id, at) for id, at in since.items()))
        for gone in (there.keys() | self._target.read(lambda view: strays(view.db))) - since.keys():
            self._remove(gone)
        for state in states:
            self._copy_account(state, since[state.id], anew=state.id in there and not since[state.id])
            moved.accounts += 1
        moved.rows = self._done
        return moved

    def _remove(self, account: str) -> None:
        while not self._target.write(lambda tx: remove_step(tx.db, account)):
            pass

    def _copy_account(self, state: AccountState, since: int, *, anew: bool) -> None:
        if anew:
            self._remove(state.id)
        before = self._done
        self._take(_items(walk(self._source.read, state.id, since, KINDS)), lambda done: self._told(before + done))
        # The account's row comes last: should this be broken off, the account is carried from the old number again.
        self._take(iter([TailItem(state.id, state.modseq, state.epoch)]), lambda _done: None)
        index_texts(self._target, state.id)

    def _told(self, done: int) -> None:
        self._done = done
        self._on_progress(min(done, self._total), self._total)

    def _take(self, items: Iterator[Item], told: Callable[[int], None]) -> None:
        take_in(self._target, items, self._octets, told)

    def _octets(self, account: str, blob: str) -> bytes | None:
        return self._source.read(lambda view: view.read_blob(account, blob))

    def end(self, moved: Moved) -> None:
        """What has no number, the notes of backups, and a look at all of it."""
        with self._source.snapshot() as view:
            for state in accounts(view.db, KINDS):
                self._take(_items(tail(view.db, state)), lambda _done: None)
                self._target.write(lambda tx, one=state.id: finish(tx.db, one))  # type: ignore[misc]
                if _digest(view, state.id) != self._target.read(lambda there, one=state.id: _digest(there, one)):  # type: ignore[misc]
                    moved.differing.append(state.id)
            for id in sorted(begun(view.db)):
                self._target.write(lambda tx, one=id: begin(tx.db, one, tx.now_ms))  # type: ignore[misc]
        moved.finished = not moved.differing


def _since(state: AccountState, there: AccountState | None) -> int:
    """The number from which an account is carried; 0 when it has to be carried anew."""
    if there is None or there.epoch != state.epoch or there.modseq > state.modseq or state.floor > there.modseq:
        return 0
    return there.modseq


def _digest(view: Snapshot, account: str) -> Any:
    return account_digest(view.db, account)


def _items(pages: Iterator[list[Item]]) -> Iterator[Item]:
    for page in pages:
        yield from page
