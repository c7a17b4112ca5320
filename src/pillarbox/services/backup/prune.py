"""Deletes backups that are not kept, and the objects that no other backup needs."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pillarbox.services.backup.blob_index import PackEntry
from pillarbox.services.backup.object import INDEX, PACK, ROWS, Filling
from pillarbox.services.backup.repository import Repository
from pillarbox.services.backup.target import BackupError

_PACKS_IN_INDEX = 64


class Pruned(msgspec.Struct, kw_only=True):
    """What went and what stays."""

    kept: list[str]
    deleted: list[str]
    objects: int
    octets: int


def prune(repository: Repository, keep: int) -> Pruned:
    """Keep the newest backups. Raises BackupError, with nothing deleted, when one that is kept cannot be read.

    It may be broken off anywhere: manifests go first, and an index that speaks of a pack goes before the pack.
    """
    if keep < 1:
        raise BackupError("keep at least one backup")
    with repository.opened(write=True):
        ids = repository.ids()
        kept, gone = ids[-keep:], ids[:-keep]
        manifests = [repository.manifest(id) for id in kept]  # what they need has to be known
        packs = {ref.name for manifest in manifests for ref in manifest.packs}
        rows = {ref.name for manifest in manifests for ref in manifest.objects}
        for id in gone:
            repository.delete_manifest(id)
        unused = [(ROWS, name, size) for name, size in repository.names(ROWS).items() if name not in rows]
        dead = [(PACK, name, size) for name, size in repository.names(PACK).items() if name not in packs]
        if dead:
            _rewrite_index(repository, packs)
        for folder, name, _ in (*dead, *unused):
            repository.delete(folder, name)
    octets = sum(size for _, _, size in (*dead, *unused))
    return Pruned(kept=kept, deleted=gone, objects=len(dead) + len(unused), octets=octets)


def _rewrite_index(repository: Repository, packs: set[str]) -> None:
    """Have the index objects speak of these packs only."""
    old = list(repository.names(INDEX))
    fresh: set[str] = set()
    filling = Filling()
    for entry in _entries(repository, old, packs):
        filling.add(entry)
        if filling.count >= _PACKS_IN_INDEX:
            fresh.add(repository.put(INDEX, filling).name)
            filling = Filling()
    if filling.count:
        fresh.add(repository.put(INDEX, filling).name)
    for name in old:
        if name not in fresh:
            repository.delete(INDEX, name)


def _entries(repository: Repository, names: list[str], packs: set[str]) -> Iterator[PackEntry]:
    seen: set[str] = set()
    for name in names:
        for entry in repository.index_entries(name):
            if entry.pack.name in packs and entry.pack.name not in seen:
                seen.add(entry.pack.name)
                yield entry
