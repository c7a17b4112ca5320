"""A repository: manifests, and the objects that they share, on a target."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from pillarbox.core.clock import from_date
from pillarbox.services.backup.blob_index import BlobIndex, PackEntry
from pillarbox.services.backup.manifest import AccountEntry, Manifest, ObjectRef, manifest_to_bytes, parse_manifest
from pillarbox.services.backup.object import INDEX, PACK, ROWS, DataItem, Filling, Reader, path_of
from pillarbox.services.backup.target import Absent, BackupError, DirectoryTarget, Target
from pillarbox.storage.dump.item import Item
from pillarbox.storage.dump.lineage import newest_schema

_BACKUPS = "backups"
_MARK = "pillarbox-backup"
_MARK_TEXT = b"This directory is a repository of backups by Pillarbox, format 1. Nothing in it is to be edited.\n"
_PACKS_IN_MEMORY = 4


class Repository:
    """Reads and writes backups. What is read is checked against its digest."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._rows: Reader[Item] = Reader(Item)
        self._data: Reader[DataItem] = Reader(DataItem)
        self._entries: Reader[PackEntry] = Reader(PackEntry)
        self._unpacked: OrderedDict[str, dict[str, bytes]] = OrderedDict()

    # --- as a whole

    @contextmanager
    def opened(self, *, write: bool = False) -> Iterator[None]:
        """Use the repository; to write, alone, making it when the place is empty. Raises BackupError."""
        if not write:
            self._check_mark()
        with self.target.locked(exclusive=write):
            if write:
                self._make()
            yield

    def _make(self) -> None:
        try:
            self._check_mark()
        except Absent:
            if any(entry.name != "lock" for entry in self.target.list("")):
                text = f"{self.target} is not empty, and no repository of backups; name an empty directory"
                raise BackupError(text) from None
            self.target.put(_MARK, _MARK_TEXT)
        if isinstance(self.target, DirectoryTarget):
            self.target.sweep()

    def _check_mark(self) -> None:
        try:
            found = self.target.get(_MARK)
        except Absent:
            raise Absent(f"{self.target} is no repository of backups") from None
        if found != _MARK_TEXT:
            raise BackupError(f"the file {_MARK} of {self.target} is damaged, or of a newer Pillarbox")

    # --- manifests

    def ids(self) -> list[str]:
        """The ids of all backups, oldest first."""
        return [entry.name.rpartition("/")[2] for entry in self.target.list(_BACKUPS)]

    def manifest(self, id: str) -> Manifest:
        """A backup's manifest. Raises BackupError."""
        try:
            return parse_manifest(self.target.get(f"{_BACKUPS}/{id}"), newest_schema())
        except Absent:
            raise Absent(f"there is no backup {id}; `pillarbox backup list` shows what there is") from None
        except BackupError as error:
            raise BackupError(f"backup {id}: {error}") from None

    def find(self, at: str | None) -> Manifest:
        """The backup that an id, the beginning of one, or a time (UTCDate) says; None: the newest. Raises BackupError.

        A time means the newest backup that was finished then.
        """
        ids = self.ids()
        if not ids:
            raise BackupError(f"{self.target} has no backup")
        if at is None:
            return self.manifest(ids[-1])
        moment = from_date(at)
        if moment is None:
            found = [id for id in ids if id.startswith(at)]
            if len(found) != 1:
                what = "several backups begin with" if found else "there is no backup"
                raise BackupError(f"{what} {at}; `pillarbox backup list` shows what there is")
            return self.manifest(found[0])
        for id in reversed(ids):
            manifest = self.manifest(id)
            if (from_date(manifest.finished_at) or 0) <= moment:
                return manifest
        raise BackupError(f"no backup was finished by {at}")

    def put_manifest(self, manifest: Manifest) -> None:
        """Make the backup exist."""
        self.target.put(f"{_BACKUPS}/{manifest.id}", manifest_to_bytes(manifest))

    def delete_manifest(self, id: str) -> None:
        """Make the backup exist no more; its objects stay until they are pruned."""
        self.target.delete(f"{_BACKUPS}/{id}")

    # --- objects

    def put(self, folder: str, filling: Filling) -> ObjectRef:
        """Store an object."""
        ref, data = filling.close()
        self.target.put(path_of(folder, ref.name), data)
        return ref

    def names(self, folder: str) -> dict[str, int]:
        """The sizes of all objects of a folder by name."""
        return {entry.name.rpartition("/")[2]: entry.size for entry in self.target.list(folder)}

    def delete(self, folder: str, name: str) -> None:
        """Remove an object."""
        self.target.delete(path_of(folder, name))

    def rows(self, ref: ObjectRef) -> Iterator[Item]:
        """The rows in an object."""
        return self._rows.items(ref, self.target.get(path_of(ROWS, ref.name)))

    def rows_of(self, manifest: Manifest, entry: AccountEntry) -> Iterator[Item]:
        """All rows of one account, in the order in which they are taken in."""
        for number in entry.objects:
            for item in self.rows(manifest.objects[number]):
                if item.account == entry.id:
                    yield item

    def pack(self, ref: ObjectRef) -> dict[str, bytes]:
        """The blobs in a pack; the packs that were used last are kept unpacked."""
        found = self._unpacked.pop(ref.name, None)
        if found is None:
            data = self.target.get(path_of(PACK, ref.name))
            found = {item.id: item.data for item in self._data.items(ref, data)}
        self._unpacked[ref.name] = found
        while len(self._unpacked) > _PACKS_IN_MEMORY:
            self._unpacked.popitem(last=False)
        return found

    def load_index(self, wanted: Manifest | None = None) -> BlobIndex:
        """Where the blobs are: in all packs that there are, or in those of one backup."""
        present = self.names(PACK)
        if wanted is not None:
            present = {ref.name: ref.size for ref in wanted.packs}
        index = BlobIndex()
        index.load(self._pack_entries(), present)
        return index

    def _pack_entries(self) -> Iterator[PackEntry]:
        for name in self.names(INDEX):
            yield from self.index_entries(name)

    def index_entries(self, name: str) -> Iterator[PackEntry]:
        """What an index object says. Raises BackupError when it is damaged."""
        data = self.target.get(path_of(INDEX, name))
        yield from self._entries.items(ObjectRef(name, len(data), None), data)
