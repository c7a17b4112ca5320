"""Checks a repository: every octet of every object that a backup needs, and that each backup has all it needs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from pillarbox.services.backup.blob_index import BlobIndex
from pillarbox.services.backup.manifest import Manifest, ObjectRef
from pillarbox.services.backup.object import INDEX, PACK, ROWS
from pillarbox.services.backup.repository import Repository
from pillarbox.services.backup.restore import restore
from pillarbox.services.backup.target import BackupError
from pillarbox.services.verify.run import verify
from pillarbox.storage.blob import blob_id
from pillarbox.storage.dump.item import BlobItem
from pillarbox.storage.embedded import EmbeddedStore

Progress = Callable[[int, int], None]  # objects done, of how many


class Check(msgspec.Struct, kw_only=True):
    """What was found. `unused` objects belong to no backup: `backup prune` deletes them."""

    backups: int = 0
    objects: int = 0
    octets: int = 0
    unused: int = 0
    findings: list[str] = msgspec.field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def check(
    repository: Repository, ids: Sequence[str] | None = None, on_progress: Progress = lambda _done, _of: None
) -> Check:
    """Check some backups, or all with everything else in the repository. Raises BackupError when it is none."""
    report = Check()
    with repository.opened():
        _Checker(repository, report, on_progress).run(ids)
    return report


class _Checker:
    """One check; each object is read once, however many backups share it."""

    def __init__(self, repository: Repository, report: Check, on_progress: Progress) -> None:
        self._repository, self._report, self._on_progress = repository, report, on_progress
        self._total = 0

    def run(self, ids: Sequence[str] | None) -> None:
        manifests = list(self._manifests(self._repository.ids() if ids is None else ids))
        rows = {ref.name: ref for manifest in manifests for ref in manifest.objects}
        packs = {ref.name: ref for manifest in manifests for ref in manifest.packs}
        names = self._repository.names(INDEX)
        self._total = len(rows) + len(packs) + len(names)
        for name in names:
            self._guarded(f"index {name}", lambda name=name: self._count_index(name))  # type: ignore[misc]
        try:
            index = self._repository.load_index()
        except BackupError:
            index = None  # told of already
        for ref in packs.values():
            self._guarded(f"pack {ref.name}", lambda ref=ref: self._read_pack(ref))  # type: ignore[misc]
        for ref in rows.values():
            holders = [(manifest, _accounts(manifest, ref)) for manifest in manifests]
            self._guarded(f"rows {ref.name}", lambda ref=ref, holders=holders: self._read_rows(ref, holders, index))  # type: ignore[misc]
        if ids is None:
            present = (*self._repository.names(ROWS), *self._repository.names(PACK))
            self._report.unused = sum(name not in rows and name not in packs for name in present)

    def _manifests(self, ids: Sequence[str]) -> Iterator[Manifest]:
        for id in ids:
            self._report.backups += 1
            try:
                yield self._repository.manifest(id)
            except BackupError as error:
                self._report.findings.append(str(error))

    def _guarded(self, what: str, work: Callable[[], int]) -> None:
        try:
            self._report.octets += work()
        except BackupError as error:
            self._report.findings.append(f"{what}: {error}")
        self._report.objects += 1
        self._on_progress(self._report.objects, self._total)

    def _count_index(self, name: str) -> int:
        return sum(len(entry.digests) for entry in self._repository.index_entries(name))

    def _read_pack(self, ref: ObjectRef) -> int:
        for blob, data in self._repository.pack(ref).items():
            if blob_id(data) != blob:
                raise BackupError(f"the blob {blob} is not what its id says")
        return ref.size

    def _read_rows(self, ref: ObjectRef, holders: list[tuple[Manifest, set[str]]], index: BlobIndex | None) -> int:
        lost: set[str] = set()
        needed = [(accounts, {p.name for p in m.packs}, set(m.damaged)) for m, accounts in holders if accounts]
        for item in self._repository.rows(ref):
            if isinstance(item, BlobItem) and index is not None:
                number = index.find(item.id)
                pack = index.packs[number].name if number is not None else None
                for accounts, packs, damaged in needed:
                    if item.account in accounts and pack not in packs and f"{item.account} {item.id}" not in damaged:
                        lost.add(item.id)
        if lost:
            raise BackupError(f"no pack has the octets of {len(lost)} blobs, such as {min(lost)}")
        return ref.size


def _accounts(manifest: Manifest, ref: ObjectRef) -> set[str]:
    """The accounts of a backup that have rows in an object."""
    places = {number for number, found in enumerate(manifest.objects) if found.name == ref.name}
    return {entry.id for entry in manifest.accounts if places.intersection(entry.objects)}


def restore_test(repository: Repository, manifest: Manifest, folder: Path | None, on_progress: Progress) -> list[str]:
    """Restore a backup beside it, check the store there, and delete it; returns what was wrong.

    `folder` is where a new directory is made for it; None: where temporary files go.
    """
    with tempfile.TemporaryDirectory(prefix="restore-test-", dir=folder) as scratch, repository.opened():
        store = EmbeddedStore(Path(scratch) / "data")
        try:
            outcome = restore(repository, manifest, store, new_epoch=False, on_progress=on_progress)
            report = verify(store)
        except BackupError as error:
            return [str(error)]
        finally:
            store.close()
    missing = [f"without its octets: {one}" for one in outcome.missing]
    return missing + [f"{f.rule}: {f.account} {f.type} {f.id}: {f.detail}" for f in report.findings]
