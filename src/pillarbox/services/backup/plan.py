"""What a backup has to read: from which backup it goes on, and for each account from which number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.admin.removal import REMOVAL
from pillarbox.services.backup.blob_index import BlobIndex
from pillarbox.services.backup.manifest import AccountEntry, Manifest
from pillarbox.services.backup.repository import Repository
from pillarbox.services.backup.target import BackupError
from pillarbox.storage.dump.walk import AccountState
from pillarbox.storage.snapshot import Snapshot

# An account is read anew when what is to be taken in has grown to so many times what there is, or to so many objects.
_STALE_TIMES, _STALE_ROWS, _MAX_OBJECTS = 3, 1_000, 300


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for: names of accounts (all, if none), everything anew, octets a second."""

    accounts: Sequence[str] = ()
    full: bool = False
    rate: int | None = None


def parent_of(repository: Repository, begun: set[str], order: Order, schema: int) -> Manifest | None:
    """The newest backup of the same scope that the store began itself, and whose form is this version's."""
    if order.full:
        return None
    for id in reversed(repository.ids()):
        manifest = _readable(repository, id) if id in begun else None
        if manifest is not None and manifest.scope == sorted(order.accounts):
            return manifest if manifest.schema == schema else None
    return None


def _readable(repository: Repository, id: str) -> Manifest | None:
    try:
        return repository.manifest(id)
    except BackupError:
        return None  # `backup verify` tells of it; an older one, or none, will do


def names_of(view: Snapshot) -> dict[str, str]:
    """The names of accounts by id; those that are removed but kept yet have theirs, too."""
    removed = {removal.account_id: removal.name for removal in view.all(REMOVAL, DIRECTORY)}
    return {**removed, **{account.id: account.name for account in view.all(ACCOUNT, DIRECTORY)}, DIRECTORY: DIRECTORY}


def chosen(states: Sequence[AccountState], names: Mapping[str, str], order: Order) -> list[AccountState]:
    """The accounts to write; the directory always, which says who they are. Raises BackupError for an unknown name."""
    if not order.accounts:
        return list(states)
    if unknown := [name for name in order.accounts if name not in names.values()]:
        raise BackupError(f"there is no account {unknown[0]}; `pillarbox account list` shows what there is")
    wanted = {id for id, name in names.items() if name in order.accounts} | {DIRECTORY}
    return [state for state in states if state.id in wanted]


def usable(entry: AccountEntry | None, state: AccountState) -> bool:
    """Whether an account's rows in an earlier backup can be gone on from: all that was destroyed since is known yet."""
    if entry is None or entry.epoch != state.epoch or entry.modseq > state.modseq or state.floor > entry.modseq:
        return False
    stale = entry.items > _STALE_TIMES * sum(entry.counts.values()) + _STALE_ROWS
    return not stale and len(entry.objects) <= _MAX_OBJECTS


def forget_sparse(index: BlobIndex, wanted: Iterable[tuple[str, int]]) -> None:
    """Have blobs written anew out of packs that are mostly garbage, so that these can go."""
    total: Counter[int] = Counter()
    for _, pack, size in index.sizes():
        total[pack] += size
    live: Counter[int] = Counter()
    for blob, octets in dict(wanted).items():
        if (found := index.find(blob)) is not None:
            live[found] += octets
    index.forget({pack for pack, size in total.items() if 2 * live[pack] < size})
